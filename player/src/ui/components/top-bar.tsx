/** The head of every page: mark, title, what the page adds, language and theme. */
import type { ComponentChildren } from "preact";

import { common } from "../../i18n/common";
import { chooseLanguage, language, LANGUAGES } from "../../i18n";
import mark from "../../css/mark.svg";
import type { ThemeChoice } from "../theme";
import { IconButton } from "./button";

export function LanguageChoice() {
  return (
    <div class="languages" role="group" aria-label={common().language}>
      {LANGUAGES.map((code) => (
        <button
          key={code}
          type="button"
          class="language"
          lang={code}
          aria-pressed={language.value === code}
          aria-label={`${code.toUpperCase()}: ${common().languages[code]}`}
          onClick={() => chooseLanguage(code)}
        >
          {code.toUpperCase()}
        </button>
      ))}
    </div>
  );
}

export function ThemeButton({ choice }: { choice: ThemeChoice }) {
  const dark = choice.theme.value === "dark";
  return <IconButton name={dark ? "sun" : "moon"} label={dark ? common().toLight : common().toDark} onClick={choice.toggle} />;
}

export interface TopBarProps {
  title: string;
  theme: ThemeChoice;
  /** Beside the title, such as a badge. */
  beside?: ComponentChildren;
  /** At the right, before language and theme. */
  children?: ComponentChildren;
}

export function TopBar({ title, theme, beside, children }: TopBarProps) {
  return (
    <header class="top-bar">
      <a class="skip" href="#main">
        {common().skip}
      </a>
      <a class="top-home" href="/" aria-label={common().home} title={common().home}>
        <img src={mark} alt="" width="26" height="26" />
      </a>
      <h1 class="top-title">{title}</h1>
      {beside}
      <div class="top-right">
        {children}
        <LanguageChoice />
        <ThemeButton choice={theme} />
      </div>
    </header>
  );
}
