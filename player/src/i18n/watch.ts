import { de } from "./de/watch";
import { en } from "./en/watch";
import { words } from "./index";

export const watch = words({ en, de });
