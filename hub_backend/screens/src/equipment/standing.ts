// How a box stands, in one word. What is not known is never "in order".
import type { Gateway } from "../hub_api";

export type Standing = "ok" | "watch" | "away" | "never";

export const MANY = 500; // messages that wait: more than some minutes of a van that keeps up

export function standing(gateway: Gateway): Standing {
  if (gateway.online === null) return "never";
  if (!gateway.online) return "away";
  const isWell =
    gateway.clock !== "none" &&
    gateway.nodes.every((node) => node.online) &&
    gapIn(gateway) === 0 &&
    (waitingIn(gateway) ?? 0) <= MANY;
  return isWell ? "ok" : "watch";
}

/** Readings whose number was passed over and that may come yet. */
export function gapIn(gateway: Gateway): number {
  return Math.max(0, sum(gateway.sources.map((source) => source.gap)) - lostFrom(gateway));
}

/** Readings that will never come: summed up or dropped by a memory that was full. */
export function lostFrom(gateway: Gateway): number {
  return sum(gateway.lanes.map((lane) => lane.missing));
}

/** Messages that were still to come when the box last sent; null when it does not tell. */
export function waitingIn(gateway: Gateway): number | null {
  const told = gateway.lanes.flatMap((lane) => (lane.waiting === null ? [] : [lane.waiting]));
  return told.length === 0 ? null : sum(told);
}

export function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
