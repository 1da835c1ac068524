// Numbers, times and units as people here write them. None (null) is "unknown" and is shown as a dash, never as 0.
import { language, t } from "./language.svelte";

export const UNKNOWN = "–";
const ZONE = "Europe/Amsterdam";

function locale(): string {
  return language.code === "nl" ? "nl-NL" : "en-GB";
}

/** `t_s` UTC seconds as HH:MM local time. */
export function clock(t_s: number | null | undefined): string {
  if (t_s == null) return UNKNOWN;
  return new Intl.DateTimeFormat("nl-NL", { timeZone: ZONE, hour: "2-digit", minute: "2-digit" }).format(t_s * 1000);
}

export function clockWithSeconds(t_s: number): string {
  return new Intl.DateTimeFormat("nl-NL", {
    timeZone: ZONE,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(t_s * 1000);
}

/** The local calendar day of UTC seconds, as YYYY-MM-DD. */
export function dayOf(t_s: number): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE }).format(t_s * 1000);
}

/** A YYYY-MM-DD day in words: maandag 23 november. */
export function dayInWords(day: string): string {
  const date = new Date(`${day}T12:00:00Z`);
  return new Intl.DateTimeFormat(locale(), { weekday: "long", day: "numeric", month: "long" }).format(date);
}

export function number(value: number | null | undefined, decimals = 0): string {
  if (value == null || Number.isNaN(value)) return UNKNOWN;
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(
    value,
  );
}

/** Degrees Celsius with one decimal. */
export function temperature(value_c: number | null | undefined): string {
  return value_c == null ? UNKNOWN : `${number(value_c, 1)}\u00a0°C`;
}

export function percent(value: number | null | undefined): string {
  return value == null ? UNKNOWN : `${number(value)}%`;
}

/** Seconds as whole minutes. */
export function minutes(seconds: number): number {
  return Math.round(seconds / 60);
}

/** How long something lasts, as people say it: 5 min, 3 uur, 2 dagen; at least a minute. */
export function lasting(seconds: number): string {
  const whole_min = Math.max(1, minutes(seconds));
  if (whole_min < 120) return t("lasting.minutes", { n: whole_min });
  const whole_h = Math.round(whole_min / 60);
  return whole_h < 48 ? t("lasting.hours", { n: whole_h }) : t("lasting.days", { n: Math.round(whole_h / 24) });
}

/** Minutes as hours and minutes: 1:05. */
export function hours(minutes: number): string {
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

/** `van-2` is van 2 on the road: the number on its plate. */
export function vanNumber(van: string): string {
  return /(\d+)$/.exec(van)?.[1] ?? van;
}

/** Street and house number apart, so that the number can be big: "Enkdwarsstraat 14 bis". */
export function splitAddress(address: string): { street: string; house: string; rest: string } {
  const [first = "", ...rest] = address.split(",");
  const match = /^(.*?)\s+(\d+\s?\S{0,6})$/.exec(first.trim());
  return {
    street: match?.[1] ?? first.trim(),
    house: match?.[2] ?? "",
    rest: rest.join(",").trim(),
  };
}
