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

/** The text of a key made at run time (`goods.` + what the hub said), or the raw word when we do not know it. */
export function word(prefix: string, value: string): string {
  const key = `${prefix}.${value}`;
  return key in texts ? t(key as TextKey) : value.replaceAll("_", " ");
}
