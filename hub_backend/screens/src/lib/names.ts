// The record's names in the words people use: `van-1` is van 1, `hub-noord` is Hub Noord.
import { vanNumber } from "./format";
import { t } from "./language.svelte";

export function gatewayName(gateway: string): string {
  if (gateway.startsWith("van-")) return t("van.name", { n: vanNumber(gateway) });
  return t("hub.name", { name: gateway.replace(/^hub-/, "").replace(/^./, (letter) => letter.toUpperCase()) });
}
