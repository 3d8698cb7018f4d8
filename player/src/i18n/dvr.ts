import { de } from "./de/dvr";
import { en } from "./en/dvr";
import { words } from "./index";

export const dvr = words({ en, de });
