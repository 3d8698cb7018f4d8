import { de } from "./de/common";
import { en } from "./en/common";
import { words } from "./index";

/** The words that every page shows. Errors are apart (`errors.ts`): a page that goes well needs none of them at first. */
export const common = words({ en, de });
