import { describe, expect, test } from "vitest";

const english = import.meta.glob<{ en: object }>("../../src/i18n/en/*.ts", { eager: true });
const german = import.meta.glob<{ de: object }>("../../src/i18n/de/*.ts", { eager: true });

/** Words that are the same in both languages. */
const SHARED = new Set(["Plenum", "Deutsch", "English", "Live", "Name", "Studio", "Console", "Top", "Encoder", "Mikrofon"]);
const ARGUMENTS = [7, "x", "y"];

/** Every text of a dictionary by its path; functions are called with something. */
function texts(dictionary: object, path = ""): [string, string][] {
  return Object.entries(dictionary).flatMap(([key, value]): [string, string][] => {
    const here = path ? `${path}.${key}` : key;
    if (typeof value === "string") return [[here, value]];
    if (typeof value === "function") return [[here, String((value as (...all: unknown[]) => unknown)(...ARGUMENTS))]];
    return typeof value === "object" && value !== null ? texts(value as object, here) : [];
  });
}

describe.each(Object.keys(english).map((path) => path.slice(path.lastIndexOf("/") + 1)))("%s", (name) => {
  const en = texts(english[`../../src/i18n/en/${name}`]?.en ?? {});
  const de = texts(german[`../../src/i18n/de/${name}`]?.de ?? {});

  test("has the same entries in both languages, none empty", () => {
    expect(de.map(([path]) => path).sort()).toEqual(en.map(([path]) => path).sort());
    for (const [path, text] of [...en, ...de]) expect(text.trim(), path).not.toBe("");
  });

  test("no sentence was left untranslated", () => {
    const inEnglish = new Map(en);
    const same = de.filter(([path, text]) => text.includes(" ") && inEnglish.get(path) === text && !SHARED.has(text));
    expect(same.filter(([, text]) => /[a-z]{3,} [a-z]{3,}/i.test(text))).toEqual([]);
  });
});
