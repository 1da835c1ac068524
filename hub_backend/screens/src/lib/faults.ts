// What a server would not do, in words for people. It names a field and a technical reason; what that means is here.
import { type Fault, Refused, said } from "./ask";
import { spoken, t, type TextKey, word } from "./language.svelte";

/** A refusal as the servers say it, and what it means; what is caught by name is told. */
const MEANINGS: [RegExp, string][] = [
  [/unknown address on this map: (?<address>.+)/, "unknown_address"],
  [/no address: give/, "no_address"],
  [/window is in the past/, "past"],
  [/window is reversed/, "reversed"],
  [/unknown supplier/, "unknown_supplier"],
  [/goods need a supplier/, "no_supplier"],
  [/needs at least one chore/, "no_chore"],
  [/a chore is 1 to 60 characters/, "long_chore"],
  [/is taken along: kind must be collection/, "is_collected"],
  [/control character/, "control"],
  [/should have at most (?<most>\d+) characters/, "long"],
  [/cannot wait for another day/, "cannot_wait"],
  [/until_day: .+ is before the window/, "until_before"],
  [/is being handed over/, "handed_over"],
  [/^order: \S+ is \w+/, "order_over"],
  [/^stop: is \w+/, "stop_over"],
  [/its goods are in (?<vans>.+)/, "goods_aboard"],
  [/(?<van>\S+) is on the way to it/, "under_way"],
  [/there is nothing to decide/, "decided"],
  [/closed already, by (?<by>.+)/, "signed"],
  [/^no such page|^Not Found$|^no excursion|: unknown (van|stop|order|plan) /, "gone"],
];

/** One refusal: which field, by its name on the screen, and why. */
function faultIn(fault: Fault): string {
  for (const [pattern, key] of MEANINGS) {
    const found = pattern.exec(said(fault));
    if (!found) continue;
    const why = spoken(t(`fault.${key}` as TextKey, found.groups ?? {}));
    return FIELDS.has(fault.field) ? `${word("field", fault.field)}: ${why}` : why;
  }
  return t("fault.other", { why: said(fault) });
}

const FIELDS = new Set(["address", "supplier", "goods", "kind", "chores", "from_s", "to_s", "street", "number", "postcode", "until_day"]);

/** What went wrong with something that was asked of a server. */
export function faultWords(error: unknown): string {
  if (!(error instanceof Refused)) return t("fault.no_connection");
  if (error.faults.length === 0) return t("fault.other", { why: error.message });
  return error.faults.map(faultIn).join(" ");
}
