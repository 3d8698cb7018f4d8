import { de } from "./de/console";
import { en } from "./en/console";
import { words } from "./index";

export const desk = words({ en, de });
