/** A page's single keys in a list, and the switch that turns them off on this browser (WCAG 2.1.4). */
import { Dialog, Kbd, Switch } from "./components";
import { shortcutsOn, switchShortcuts } from "./shortcuts";

export type KeyRow = readonly [keys: readonly string[], does: string];

export interface KeysDialogProps {
  title: string;
  rows: readonly KeyRow[];
  on: string;
  onMeans: string;
  onClose(): void;
}

export function KeysDialog({ title, rows, on, onMeans, onClose }: KeysDialogProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <dl class="key-list" data-testid="help-dialog">
        {rows.map(([keys, does]) => (
          <div key={does} class="key-list-row">
            <dt>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
              <span class="visually-hidden">{keys.join(", ")}</span>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <Switch label={on} on={shortcutsOn.value} explain={onMeans} onChange={switchShortcuts} />
    </Dialog>
  );
}
