import { de } from "./de/home";
import { en } from "./en/home";
import { words } from "./index";

export const home = words({ en, de });
