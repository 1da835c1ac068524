// Coolers and their rules in the words people use: `van-1/cooler`, `warm_7.5_warning`.
import { word } from "../lib/language.svelte";
import { gatewayName } from "../lib/names";
import type { Limit } from "../hub_api";

export function sourceName(source: string): string {
  const [gateway = "", node = ""] = source.split("/");
  return `${gatewayName(gateway)}, ${word("node", node)}`;
}

export function ruleWords(rule: string): string {
  return word("rule", /^(warm|cold|freezing|sensor_lost)/.exec(rule)?.[1] ?? rule);
}

/** The band a cooler must stay in: the tightest limits that lead to an alarm. */
export function band(limits: Limit[]): { low_c: number | null; high_c: number | null } {
  const alarms = limits.filter((limit) => limit.level === "alarm");
  const above = alarms.filter((limit) => limit.side === "above").map((limit) => limit.limit_c);
  const below = alarms.filter((limit) => limit.side === "below").map((limit) => limit.limit_c);
  return { low_c: below.length > 0 ? Math.max(...below) : null, high_c: above.length > 0 ? Math.min(...above) : null };
}
