import { de } from "./de/outside";
import { en } from "./en/outside";
import { words } from "./index";

export const outside = words({ en, de });
