/** The keys of the watch page, and the switch that turns them off (WCAG 2.1.4). */
import { dvr } from "../../i18n/dvr";
import { watchKeys as t } from "../../i18n/watch-keys";
import { Dialog, Kbd, Switch } from "../components";
import { shortcutsOn, switchShortcuts } from "../shortcuts";

export function Help({ goesBack, onClose }: { goesBack: boolean; onClose(): void }) {
  const words = t();
  const rows: readonly (readonly [keys: readonly string[], does: string])[] = [
    [[words.space, "K"], words.playPause],
    ...(goesBack ? [[["J", "L"], dvr().steps] as const] : []),
    [["M"], words.mute],
    [["F"], words.full],
    [["I"], words.pip],
    [[words.end, "."], words.live],
    [["Q"], words.ask],
    [["U"], words.vote],
    [["?"], words.help],
  ];
  return (
    <Dialog title={words.title} onClose={onClose}>
      <table class="keys" data-testid="help-dialog">
        <tbody>
          {rows.map(([keys, does]) => (
            <tr key={does}>
              <th scope="row">{does}</th>
              <td>
                {keys.map((key, n) => (
                  <span key={key} class="key">
                    {n > 0 && <span class="muted small">{words.or} </span>}
                    <span class="visually-hidden">{key}</span>
                    <Kbd>{key}</Kbd>
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Switch label={words.on} on={shortcutsOn.value} onChange={switchShortcuts} explain={words.onMeans} />
    </Dialog>
  );
}
