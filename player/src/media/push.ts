/** All of the push player in one file that pages fetch while they join: the page is there before its engine. */
export { Feed } from "../net/feed";
export { canPush, MseEngine } from "./mse";
