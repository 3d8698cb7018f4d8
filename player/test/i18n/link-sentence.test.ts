import { describe, expect, test, vi } from "vitest";

vi.stubGlobal("navigator", { languages: ["en"] });
vi.stubGlobal("document", { documentElement: { lang: "" } });
const { linkSentence } = await import("../../src/i18n/home");
const { chooseLanguage } = await import("../../src/i18n/index");

describe("a link that could not be opened", () => {
  test.each([
    ["en", "rate_limited", /Wait a minute/],
    ["de", "rate_limited", /Warten Sie eine Minute/],
    ["en", "store_unavailable", /open your invitation link again/],
    ["de", "store_unavailable", /öffnen Sie Ihren Einladungslink/],
    ["en", "link_invalid", /wrong or has expired/],
    ["de", "link_invalid", /falsch oder abgelaufen/],
    ["en", "anything_else", /could not be opened/],
    ["de", "anything_else", /ließ sich nicht öffnen/],
  ] as const)("%s: %s has a sentence", (language, code, sentence) => {
    chooseLanguage(language);
    expect(linkSentence(code)).toMatch(sentence);
  });
});
