// Refusals in words for people. The servers name a field and a technical reason; that stays behind "details".
import { word } from "./language.svelte";
import { gatewayName } from "./names";

/** What a reason or a field means, the first that fits. */
const MEANINGS: [RegExp, string][] = [
  [/repeated within/, "repeated"],
  [/BSN|GSRN|person/i, "personal"],
  [/misread|names no thing|empty code|more than 200/, "code"],
  [/parcel that the record does not know/, "parcel"],
  [/stop that the record does not know/, "stop"],
  [/tablet's clock/, "tablet_clock"],
  [/^clock: |stepped (forward|back)/, "clock"],
  [/damaged|CRC|checksum/i, "damaged"],
  [/\bjump\b/, "jump"],
  [/out of range|implausible|Expected `(float|int)` [<>]/, "range"],
  [/older plan|not for us|no use for this/, "plan"],
  [/settings say/, "kind"],
  [/seal|decrypt|wrong key/i, "key"],
  [/oldest was dropped|put together|thinned/, "full"],
];

export function refusalWords(field: string, reason: string): string {
  const said = `${field}: ${reason}`;
  const found = MEANINGS.find(([pattern]) => pattern.test(said));
  return word("refusal", found?.[1] ?? "other");
}

/** `van-1/cooler` or `van-1 page` as people call it; a topic by the gateway that it names. */
export function originWords(origin: string): string {
  const gateway = /\b(?:van-\d+|hub-[a-z0-9-]+)\b/.exec(origin)?.[0];
  const part = /\/(cooler|fridge|hotbox|scanner|shunt)\b/.exec(origin)?.[1] ?? /\b(page|scan|gps|vehicle|outbox|broker)\b/.exec(origin)?.[1];
  const where = gateway ? gatewayName(gateway) : "";
  const what = part ? word("node", part) : "";
  return [where, what].filter(Boolean).join(", ") || origin;
}
