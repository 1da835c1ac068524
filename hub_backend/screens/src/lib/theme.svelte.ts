// Day or night: by the device's setting until someone chooses.

export type Theme = "day" | "night";

const STORE = "buurtrit.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function first(): Theme {
  const chosen = localStorage.getItem(STORE);
  if (chosen === "day" || chosen === "night") return chosen;
  return dark.matches ? "night" : "day";
}

export const theme = $state<{ name: Theme }>({ name: first() });
document.documentElement.dataset.theme = theme.name;

export function setTheme(name: Theme): void {
  theme.name = name;
  localStorage.setItem(STORE, name);
  document.documentElement.dataset.theme = name;
}
