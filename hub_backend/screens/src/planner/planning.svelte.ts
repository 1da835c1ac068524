// What the planner's page knows: vans, the newest plan, its history; kept fresh by the hub's stream.
import { get, post } from "../lib/ask";
import { faultWords } from "../lib/faults";
import { dayOf } from "../lib/format";
import { LiveLine } from "../lib/live.svelte";
import { Soon } from "../lib/soon";
import { gatewayName } from "../lib/names";
import { hearNow, now, nowForAges, worldNow } from "../lib/world.svelte";
import type { DayPlan, Excursion, Health, MapInfo, PlanRoute, PlanStop, Revision, Van } from "../hub_api";

/** A fix older than this is no position any more: the van is shown as lost from sight. */
export const STALE_AFTER_S = 60;

/** A plan is in a van's hands within seconds; one that is not after this has no line to the hub. */
const HELD_WITHIN_S = 120;

const COLOURS = ["#00677a", "#8a2c7c", "#8a5300", "#3b4cb8", "#2f6b2a", "#7b3b2e", "#4c5560"];

class Planning {
  vans = $state.raw<Van[]>([]);
  plan = $state.raw<DayPlan | null>(null);
  planAsked = $state(false); // the hub has said what the plan is, or could not
  history = $state.raw<Revision[] | null>(null);
  proposal = $state.raw<DayPlan | null>(null);
  map = $state.raw<MapInfo | null>(null);
  health = $state.raw<Health | null>(null);
  openExcursions = $state(0);
  selected = $state<string | null>(null);
  stop = $state<string | null>(null);
  trouble = $state("");

  line = new LiveLine(
    "/api/live",
    ["van", "plan", "visit", "order", "excursion", "reset"],
    (name, data) => this.#hear(name, data),
    () => this.#everything(),
  );
  #questions = new Soon();

  async start(): Promise<void> {
    await this.#health();
    this.#map();
    this.#everything();
    this.line.start();
    setInterval(() => void this.#health(), 5_000);
  }

  get day(): string {
    return new URLSearchParams(location.search).get("day") ?? dayOf(worldNow());
  }

  colour(van: string): string {
    const index = this.vans.findIndex((one) => one.id === van);
    return COLOURS[(index < 0 ? 0 : index) % COLOURS.length] ?? "#00677a";
  }

  route(van: string): PlanRoute | undefined {
    return this.plan?.routes.find((route) => route.van === van);
  }

  next(van: string): PlanStop | undefined {
    return this.route(van)?.stops.find((stop) => !isOver(stop));
  }

  isStale(van: Van): boolean {
    return van.fix_s === null || van.lat === null || nowForAges() - van.fix_s > STALE_AFTER_S;
  }

  /** Whether the van stands at this stop, a resident's or the depot's. */
  isAt(van: Van, stop: PlanStop): boolean {
    return stop.state === "at_door" || (van.stop === stop.stop && (van.phase === "arrived" || van.phase === "resting"));
  }

  /** Whether the van does not hold the plan that is shown, though it was made a while ago. */
  isBehindPlan(van: Van): boolean {
    const { plan } = this;
    const route = this.route(van.id);
    if (!plan || !route || plan.made_s > nowForAges() - HELD_WITHIN_S) return false;
    return route.acknowledged_revision !== plan.revision;
  }

  /** Seconds by which a van runs behind its plan: the next stop should have begun by now, or have been left. */
  behind_s(van: Van): number {
    const next = this.next(van.id);
    if (!next) return 0;
    return Math.max(0, now() - (this.isAt(van, next) ? next.depart_s : next.start_s));
  }

  /** Stops of the day with nobody to come, and why. */
  get left(): DayPlan["left"] {
    return this.plan?.left ?? [];
  }

  async lock(stop: PlanStop, van: string): Promise<void> {
    await this.#act(() => post(`/api/stops/${stop.stop}/lock`, { locked: !stop.locked, van: stop.locked ? null : van }));
  }

  async assign(stop: PlanStop, van: string): Promise<void> {
    await this.#act(() => post(`/api/stops/${stop.stop}/lock`, { locked: true, van }));
  }

  async planAgain(): Promise<void> {
    await this.#act(() => post(`/api/days/${this.day}/plan`, {}));
  }

  /** Let a proposed plan become the plan, or leave the plan as it is. */
  async decide(proposal: DayPlan, accept: boolean): Promise<void> {
    await this.#act(() => post(`/api/plans/${proposal.id}/${accept ? "accept" : "reject"}`, {}));
  }

  async cancel(order: string): Promise<void> {
    await this.#act(() => post(`/api/orders/${order}/cancel`, {}));
  }

  async service(van: string, inService: boolean, reason: string): Promise<void> {
    await this.#act(() => post(`/api/vans/${van}/service`, { in_service: inService, reason }));
  }

  async #act(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.trouble = "";
      this.#soon("plan", () => this.#plan());
    } catch (error) {
      this.trouble = faultWords(error);
    }
  }

  #hear(name: string, data: unknown): void {
    if (name === "van") this.#hearVan(data as Partial<Van> | null);
    else if (name === "excursion") this.#soon("excursions", () => this.#excursions());
    else if (name === "reset") this.#everything();
    else this.#soon("plan", () => this.#plan());
  }

  #hearVan(said: Partial<Van> | null): void {
    const known = this.vans.find((van) => van.id === said?.id);
    if (!said || !known) return this.#soon("vans", () => this.#vans());
    if (said.fix_s != null && said.fix_s > worldNow()) hearNow(said.fix_s);
    this.vans = this.vans.map((van) => (van === known ? { ...van, ...said } : van));
  }

  #everything(): void {
    this.#soon("vans", () => this.#vans());
    this.#soon("plan", () => this.#plan());
    this.#soon("excursions", () => this.#excursions());
  }

  #soon(name: string, work: () => Promise<void>): void {
    this.#questions.ask(name, work, 150);
  }

  async #health(): Promise<void> {
    try {
      this.health = await get<Health>("/api/health");
      hearNow(this.health.now_s);
    } catch {
      this.health = null;
    }
  }

  #map(): void {
    get<MapInfo>("/api/map").then(
      (map) => (this.map = map),
      () => setTimeout(() => this.#map(), 5_000),
    );
  }

  async #vans(): Promise<void> {
    const vans = await get<Van[]>("/api/vans");
    // What the stream told while this was on its way is newer.
    const newest = vans.map((van) => {
      const known = this.vans.find((one) => one.id === van.id);
      return known?.fix_s && van.fix_s && known.fix_s > van.fix_s ? known : van;
    });
    this.vans = newest.sort((a, b) => a.id.localeCompare(b.id, "nl", { numeric: true }));
  }

  async #plan(): Promise<void> {
    const day = this.day;
    this.plan = await get<DayPlan | null>(`/api/days/${day}/plan`).catch(() => null);
    this.planAsked = true;
    this.history = await get<Revision[]>(`/api/days/${day}/plans`).catch(() => this.history);
    this.proposal = await get<DayPlan | null>(`/api/days/${day}/proposal`).catch(() => null);
  }

  async #excursions(): Promise<void> {
    const all = await get<Excursion[]>("/api/excursions");
    this.openExcursions = all.filter((one) => one.closed_s === null).length;
  }
}

export function isOver(stop: PlanStop): boolean {
  return stop.state === "done" || stop.state === "failed" || stop.state === "cancelled" || stop.state === "moved";
}

/** Whether a resident is expected there: not at the hub, at a rest, or where another van stands. */
export function isAddress(stop: PlanStop): boolean {
  return stop.kind !== "reload" && stop.kind !== "charge" && stop.kind !== "rest" && stop.kind !== "fetch";
}

/** Where a stop is: an address, or the van that cannot go on, from which somebody or something is fetched. */
export function placeOf(stop: PlanStop): string {
  return stop.from_van ? gatewayName(stop.from_van) : stop.address;
}

/** Each stop with its number among the day's addresses, as the concierge's page counts them; null for what is none. */
export function numbered(stops: PlanStop[]): { stop: PlanStop; number: number | null }[] {
  let addresses = 0;
  return stops.map((stop) => ({ stop, number: isAddress(stop) ? ++addresses : null }));
}

export function isLate(stop: PlanStop): boolean {
  return stop.late || (stop.window_to_s !== null && stop.start_s > stop.window_to_s);
}

export const planning = new Planning();
