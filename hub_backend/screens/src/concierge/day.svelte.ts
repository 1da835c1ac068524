// The concierge's day: what the gateway last said, with what was tapped since laid over it, so that a tap shows at once.
// All rules stay with the gateway; here is only what a screen must know while nobody answers.
import { get, post } from "../lib/ask";
import { word } from "../lib/language.svelte";
import { gatewayName } from "../lib/names";
import { LiveLine } from "../lib/live.svelte";
import { hearNow, worldNow } from "../lib/world.svelte";
import type {
  HubManifest,
  Outcome,
  Parcel,
  Phase,
  RecordsAnswer,
  ScanAnswer,
  ScanRequest,
  State,
  Stop,
  VanPlan,
  VisitRecord,
} from "../gateway_api";
import { Flusher, keep, kept, type Kept, letGo, newId, rememberedState, rememberState } from "./queue";

export interface DayStop extends Stop {
  /** Its number among the day's addresses; null for what is no address: the hub, a rest. */
  number: number | null;
  outcome: Outcome | null;
}

/** Whether a resident is expected there: not at the hub, at a rest, or where another van stands. */
export function isAddress(stop: Stop): boolean {
  return stop.kind !== "reload" && stop.kind !== "charge" && stop.kind !== "rest" && stop.kind !== "fetch";
}

/** What a stop is called: its address, or what is done there. */
export function placeOf(stop: Stop): string {
  if (stop.kind === "fetch" && stop.address !== "") return `${doneAt(stop)}: ${stop.address}`;
  return isAddress(stop) ? stop.address : doneAt(stop);
}

/** What a stop's sign says, large and small: an address and who lives there; at a van that stands still what is done, and
    which van it is. */
export function signOf(stop: Stop): { address: string; name: string } {
  if (stop.kind === "fetch") return { address: doneAt(stop), name: stop.address };
  return { address: placeOf(stop), name: stop.kind === "rest" ? "" : stop.name };
}

function doneAt(stop: Stop): string {
  const what = word("stop_kind", stop.kind);
  return what.charAt(0).toUpperCase() + what.slice(1);
}

/** How a parcel travels, where that matters, and the end of the code on its label. */
export function parcelDetails(parcel: Parcel): string {
  const cold = parcel.temp_class === "ambient" ? "" : word("temp", parcel.temp_class);
  return [cold, `…${parcel.code.slice(-4)}`].filter(Boolean).join(" · ");
}

function isFailed(outcome: Outcome): boolean {
  return outcome === "no_answer" || outcome === "refused";
}

class Day {
  state = $state.raw<State | null>(null);
  waiting = $state.raw<Kept[]>([]);
  fresh = $state(false); // the state came from the gateway itself, not from this tablet's memory
  failure = $state(""); // why the last tap could not be kept anywhere
  tapped_ms = $state<number | null>(null); // how long the last tap took to be safe
  answer = $state.raw<(ScanAnswer & { at: number }) | null>(null);

  line = new LiveLine(
    "/api/live",
    ["state"],
    (_name, data) => this.#hear(data as State | null),
    () => void this.#fetch(),
  );
  #flusher = new Flusher(() => void this.#recount());
  #began = new Map<string, number>();

  async start(): Promise<void> {
    await this.#recount();
    const remembered = await rememberedState();
    if (remembered && !this.state) {
      this.state = remembered;
      if (!navigator.onLine) hearNow(remembered.now_s);
    }
    await this.#fetch();
    this.line.start();
    this.#flusher.start();
    void navigator.storage?.persist?.();
  }

  async #fetch(): Promise<void> {
    try {
      this.#hear(await get<State>("/api/state"));
    } catch {
      this.fresh = false; // the remembered day stays on the screen
    }
  }

  #hear(state: State | null): void {
    if (!state) return;
    hearNow(state.now_s);
    this.state = state;
    this.fresh = true;
    void rememberState(state);
  }

  async #recount(): Promise<void> {
    this.waiting = await kept();
  }

  get plan(): VanPlan | null {
    return this.state?.plan?.kind === "van_plan" ? this.state.plan : null;
  }

  get manifest(): HubManifest | null {
    return this.state?.plan?.kind === "hub_manifest" ? this.state.plan : null;
  }

  /** What this tablet recorded that the gateway does not have yet: visits, and hubs that were left again. */
  get #laidOver(): { visits: Map<string, Outcome>; passed: Set<string> } {
    const visits = new Map<string, Outcome>();
    const passed = new Set<string>();
    let at: string | null = null;
    for (const { record, refused } of this.waiting) {
      if (refused) continue;
      if (record.kind === "visit") visits.set(record.stop, record.outcome);
      else if (record.phase === "arrived" || record.phase === "resting") at = record.stop ?? null;
      else if (record.phase !== "longer" && at !== null) passed.add(at);
    }
    return { visits, passed };
  }

  /** The day in order. As the gateway has it: after nobody was at home, a plan made since may send us there again. */
  get stops(): DayStop[] {
    const { visits, passed } = this.#laidOver;
    const seen = new Map((this.state?.visits ?? []).map((visit) => [visit.stop, visit]));
    const stops = this.plan?.stops ?? [];
    const nextIndex = stops.findIndex((stop) => stop.stop === this.state?.next_stop);
    let addresses = 0;
    return stops.map((stop, index) => {
      const visit = seen.get(stop.stop);
      const again = visit && isFailed(visit.outcome) && (this.plan?.made_s ?? 0) > visit.t_s;
      const byGateway = stop.done || (visit && !again) || (stop.kind !== "visit" && nextIndex >= 0 && index < nextIndex);
      return {
        ...stop,
        address: stop.from_van ? gatewayName(stop.from_van) : stop.address,
        name: stop.from_van && stop.kind === "fetch" ? "" : stop.name, // that is the van, in Dutch
        number: isAddress(stop) ? ++addresses : null,
        outcome: visits.get(stop.stop) ?? (again && !stop.done ? null : (visit?.outcome ?? null)),
        done: Boolean(byGateway) || visits.has(stop.stop) || passed.has(stop.stop),
      };
    });
  }

  get next(): DayStop | null {
    const stops = this.stops;
    const said = stops.findIndex((stop) => stop.stop === this.state?.next_stop);
    return [...stops.slice(Math.max(0, said)), ...stops].find((stop) => !stop.done) ?? null;
  }

  /** The stops after the next one. */
  get later(): DayStop[] {
    const stops = this.stops;
    const next = stops.findIndex((stop) => stop.stop === this.next?.stop);
    return next < 0 ? [] : stops.slice(next + 1).filter((stop) => !stop.done);
  }

  /** Those where a resident is expected. */
  get addresses(): DayStop[] {
    return this.stops.filter(isAddress);
  }

  /** Where a resident who gets in here is driven to; empty for any other stop. */
  destinationOf(stop: DayStop): string {
    const end = stop.kind === "ride_pickup" ? stop.stop.replace(/\/pickup$/, "/dropoff") : null;
    return this.stops.find((one) => one.stop === end)?.address ?? "";
  }

  get phase(): Phase | null {
    return this.#lastTour?.phase ?? this.state?.phase ?? null;
  }

  get atStop(): string | null {
    const last = this.#lastTour;
    if (!last) return this.state?.at_stop ?? null;
    return last.phase === "arrived" || last.phase === "longer" || last.phase === "resting" ? (last.stop ?? null) : null;
  }

  get #lastTour(): { phase: Phase; stop?: string | null } | null {
    const tours = this.waiting.filter((item) => item.record.kind === "tour" && !item.refused);
    const last = tours.at(-1)?.record;
    return last?.kind === "tour" ? last : null;
  }

  get unsentHere(): number {
    return this.waiting.filter((item) => !item.refused).length;
  }

  get unsentInVan(): number {
    return this.state?.pending.business ?? 0;
  }

  get attention(): Kept[] {
    return this.waiting.filter((item) => item.refused !== null);
  }

  get parcels(): { parcel: Parcel; stop: DayStop; loaded: boolean }[] {
    const loaded = new Set(this.state?.loaded ?? []);
    return this.stops.flatMap((stop) =>
      stop.deliver.map((parcel) => ({ parcel, stop, loaded: loaded.has(parcel.code) })),
    );
  }

  async tour(phase: Phase, stop: string | null = null, extra_s: number | null = null): Promise<boolean> {
    const t_s = worldNow();
    if (phase === "arrived" && stop) this.#began.set(stop, t_s);
    return this.#keep({ id: newId(), kind: "tour", t_s, phase, stop, extra_s });
  }

  /** True when the visit is safe. */
  async visit(visit: Omit<VisitRecord, "id" | "kind" | "t_s" | "began_s" | "distance_m">): Promise<boolean> {
    const began_s = this.#began.get(visit.stop) ?? null;
    return this.#keep({ ...visit, id: newId(), kind: "visit", t_s: worldNow(), began_s });
  }

  /** Safe on this tablet, or else with the gateway itself; false, and said on the page, when it is neither. */
  async #keep(record: Kept["record"]): Promise<boolean> {
    const began = performance.now();
    try {
      await keep(record);
    } catch (error) {
      if (!(await this.#sendNow(record))) {
        this.failure = error instanceof Error ? error.message : String(error);
        return false;
      }
    }
    await this.#recount();
    this.failure = "";
    this.tapped_ms = Math.round(performance.now() - began);
    this.#flusher.flush();
    return true;
  }

  /** The way round a tablet whose storage is full or broken. */
  async #sendNow(record: Kept["record"]): Promise<boolean> {
    try {
      return (await post<RecordsAnswer>("/api/records", [record])).stored.includes(record.id);
    } catch {
      return false;
    }
  }

  async release(id: string): Promise<void> {
    await letGo(id);
    await this.#recount();
  }

  async scan(code: string): Promise<void> {
    const request: ScanRequest = { code, symbology: "", purpose: null, id: newId() };
    this.answer = { ...(await post<ScanAnswer>("/api/scans", request)), at: Date.now() };
  }
}

export const day = new Day();
