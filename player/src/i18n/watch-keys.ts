import { de } from "./de/watch-keys";
import { en } from "./en/watch-keys";
import { words } from "./index";

export const watchKeys = words({ en, de });
