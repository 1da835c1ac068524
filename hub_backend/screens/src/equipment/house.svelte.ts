// What the page of what is technical knows: every box of the house, what was set aside, and what the hub refused.
import { get } from "../lib/ask";
import { LiveLine } from "../lib/live.svelte";
import { Soon } from "../lib/soon";
import { hearNow } from "../lib/world.svelte";
import type { Gateway, Health, RefusedKind, RejectKind } from "../hub_api";

const EVERY_MS = 10_000;
const CALMLY_MS = 1_000; // what may come by the dozen and is a list of its own

class House {
  health = $state.raw<Health | null>(null);
  gateways = $state.raw<Gateway[]>([]);
  kinds = $state.raw<RejectKind[]>([]);
  requests = $state.raw<RefusedKind[]>([]);
  loaded = $state(false);

  line = new LiveLine(
    "/api/live",
    ["van", "reject", "reset"],
    (name) => this.#hear(name),
    () => void this.#everything(),
  );
  #questions = new Soon();

  start(): void {
    this.line.start();
    setInterval(() => document.visibilityState === "visible" && void this.#now(), EVERY_MS);
  }

  #hear(name: string): void {
    if (name === "reject") return this.#questions.ask(name, () => this.#kinds(), CALMLY_MS);
    this.#questions.ask("now", () => (name === "reset" ? this.#everything() : this.#now()), CALMLY_MS);
  }

  async #everything(): Promise<void> {
    await this.#now();
    await this.#kinds().catch(() => undefined);
    this.loaded = true;
  }

  /** What changes without being told: how the hub does, what waits where, what was refused over HTTP. */
  async #now(): Promise<void> {
    try {
      this.health = await get<Health>("/api/health");
      hearNow(this.health.now_s);
      this.gateways = inOrder(await get<Gateway[]>("/api/gateways?gaps_only=true"));
      this.requests = await get<RefusedKind[]>("/api/rejects/requests");
    } catch {
      // the line's state tells that the hub is away
    }
  }

  async #kinds(): Promise<void> {
    this.kinds = await get<RejectKind[]>("/api/rejects/kinds");
  }
}

/** Vans before hubs, 2 before 10. */
function inOrder(gateways: Gateway[]): Gateway[] {
  const key = ({ role, gateway }: Gateway): string => `${role === "van" ? 0 : 1} ${gateway}`;
  return gateways.sort((a, b) => key(a).localeCompare(key(b), "nl", { numeric: true }));
}

export const house = new House();
