// Dutch first, English beside it: every text on every page comes from texts.json, by key.
import texts from "./texts.json";

export type Language = "nl" | "en";
export type TextKey = keyof typeof texts;

const STORE = "buurtrit.language";

function remembered(): Language {
  return localStorage.getItem(STORE) === "en" ? "en" : "nl";
}

export const language = $state<{ code: Language }>({ code: remembered() });
document.documentElement.lang = language.code;

export function setLanguage(code: Language): void {
  language.code = code;
  localStorage.setItem(STORE, code);
  document.documentElement.lang = code;
}

/** The text in the language of the moment; `{name}` is replaced by the value of that name. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  return texts[key][language.code].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** What the hub says in its own words, with the names of vans as people say them: `van-2/cooler` is bus 2, koelbox. */
export function spoken(words: string): string {
  return words
    .replace(/\bvan-(\d+)\/(\w+)/g, (_whole, n: string, node: string) => `${t("van.name", { n })}, ${word("node", node)}`)
    .replace(/\bvan-(\d+)\b/g, (_whole, n: string) => t("van.name", { n }));
}

/** What the hub says in both languages, in the screen's; a person's own words are the same in both. */
export function inWords(dutch: string, english: string | undefined): string {
  return spoken(language.code === "en" && english ? english : dutch);
}

/** The text of a key made at run time (`goods.` + what the hub said), or the raw word when we do not know it. */
export function word(prefix: string, value: string): string {
  const key = `${prefix}.${value}`;
  return key in texts ? t(key as TextKey) : value.replaceAll("_", " ");
}
