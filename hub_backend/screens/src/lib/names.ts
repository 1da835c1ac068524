// The record's names in the words people use: `van-1` is van 1, `hub-noord` is Hub Noord.
import { vanNumber } from "./format";
import { t, word } from "./language.svelte";

/** A node as who is beside it calls it: Koelbox, Koelkast, Scanner. */
export function nodeName(source: string): string {
  const name = word("node", source.split("/")[1] ?? source);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export function gatewayName(gateway: string): string {
  if (gateway.startsWith("van-")) return t("van.name", { n: vanNumber(gateway) });
  return t("hub.name", { name: gateway.replace(/^hub-/, "").replace(/^./, (letter) => letter.toUpperCase()) });
}
