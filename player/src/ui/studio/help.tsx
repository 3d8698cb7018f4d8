/** The keys of the studio. */
import { studio as t } from "../../i18n/studio";
import { canShareScreen } from "../../media/capture";
import { KeysDialog, type KeyRow } from "../keys-dialog";

export function Help({ onClose }: { onClose(): void }) {
  const words = t().keys;
  const rows: readonly KeyRow[] = [
    [["M"], words.mic],
    [["V"], words.camera],
    ...(canShareScreen() ? [[["S"], words.screen] as const] : []),
    [["?"], words.help],
  ];
  return <KeysDialog title={words.title} rows={rows} on={words.on} onMeans={words.onMeans} onClose={onClose} />;
}
