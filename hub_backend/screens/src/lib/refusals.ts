// Refusals in words for people. The servers name a field and a technical reason; that stays behind "details".
import { t, word } from "./language.svelte";
import { meaningOf } from "./meanings";
import { gatewayName } from "./names";

export function refusalWords(field: string, reason: string): string {
  return word("refusal", meaningOf(field, reason));
}

/** `van-1/cooler` or `van-1 page` as people call it; a topic by the gateway that it names. */
export function originWords(origin: string): string {
  const gateway = /\b(?:van-\d+|hub-[a-z0-9-]+)\b/.exec(origin)?.[0];
  const part = /\/(cooler|fridge|hotbox|scanner|shunt)\b/.exec(origin)?.[1] ?? /\b(page|scan|gps|vehicle|outbox|broker|downlink)\b/.exec(origin)?.[1];
  const where = gateway ? gatewayName(gateway) : part ? t("equipment.hub") : "";
  const what = part ? word("node", part) : "";
  return [where, what].filter(Boolean).join(", ") || origin;
}
