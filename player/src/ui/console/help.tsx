/** The keys of the console. */
import { desk as t } from "../../i18n/console";
import { KeysDialog, type KeyRow } from "../keys-dialog";

export function Help({ onClose }: { onClose(): void }) {
  const words = t().keys;
  const rows: readonly KeyRow[] = [
    [["J", "K"], words.jk],
    [["H", "L"], words.hl],
    [["A"], words.a],
    [["D"], words.d],
    [["N"], words.n],
    [["O"], words.o],
    [["E"], words.e],
    [["/"], words.search],
    [["?"], words.help],
    [["Esc"], words.esc],
  ];
  return <KeysDialog title={t().shortcuts} rows={rows} on={t().shortcutsOn} onMeans={t().shortcutsOnMeans} onClose={onClose} />;
}
