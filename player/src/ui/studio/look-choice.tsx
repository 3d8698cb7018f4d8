/** Screen alone or with the camera in its corner, while a screen is shared. */
import type { Look } from "../../core/composition";
import { studio as t } from "../../i18n/studio";
import { Segments, type IconName } from "../components";
import type { ScreenShare } from "./share";

export const LOOK_ICONS: Readonly<Record<Look, IconName>> = { screen: "screen", inset: "pip" };

export function LookChoice({ share, hasCamera }: { share: ScreenShare; hasCamera: boolean }) {
  const words = t().look;
  return (
    <Segments
      label={words.label}
      options={[
        { value: "screen", words: words.screen, icon: LOOK_ICONS.screen },
        // Nothing would come of choosing it, and a camera switched on by a choice of layout would be a surprise.
        { value: "inset", words: words.inset, icon: LOOK_ICONS.inset, disabled: !hasCamera, title: hasCamera ? undefined : words.insetNot },
      ]}
      chosen={share.look.value}
      onChoose={(look) => share.choose(look)}
    />
  );
}
