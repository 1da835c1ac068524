// `van-1/cooler` in the words people use.
import { vanNumber } from "../lib/format";
import { t, word } from "../lib/language.svelte";

export function sourceName(source: string): string {
  const [gateway = "", node = ""] = source.split("/");
  const where = gateway.startsWith("van-")
    ? t("van.name", { n: vanNumber(gateway) })
    : t("coolers.hub_name", { name: gateway.replace(/^hub-/, "").replace(/^./, (letter) => letter.toUpperCase()) });
  return `${where}, ${word("node", node)}`;
}
