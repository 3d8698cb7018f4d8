/** Copying what stands in a field, and saying how it went. */
import { common } from "../i18n/common";
import { toast } from "./components";

/** Browsers have no clipboard on plain http addresses: there the field is left selected, for the keyboard. */
export async function copyField(field: HTMLInputElement | null): Promise<void> {
  if (!field) return;
  try {
    await navigator.clipboard.writeText(field.value);
    toast(common().copied, "good");
  } catch {
    field.select();
    toast(common().copyFailed);
  }
}
