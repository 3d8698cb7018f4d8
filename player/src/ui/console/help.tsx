/** The keys of the console, and the switch that turns them off. */
import { desk as t } from "../../i18n/console";
import { Dialog, Kbd, Switch } from "../components";
import { shortcutsOn, switchShortcuts } from "../shortcuts";

export function Help({ onClose }: { onClose(): void }) {
  const words = t().keys;
  const rows: readonly (readonly [readonly string[], string])[] = [
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
  return (
    <Dialog title={t().shortcuts} onClose={onClose}>
      <dl class="keys">
        {rows.map(([keys, meaning]) => (
          <div key={meaning} class="keys-row">
            <dt>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
              <span class="visually-hidden">{keys.join(", ")}</span>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <Switch label={t().shortcutsOn} on={shortcutsOn.value} explain={t().shortcutsOnMeans} onChange={switchShortcuts} />
    </Dialog>
  );
}
