// What the coolers' page knows: every cooler now, its last hours, and the excursions that wait for a person.
import { get, post } from "../lib/ask";
import { LiveLine } from "../lib/live.svelte";
import { Soon } from "../lib/soon";
import { hearNow, worldNow } from "../lib/world.svelte";
import type { Cooler, CoolerPoint, Excursion, Health } from "../hub_api";

const SPAN_S = 3 * 3600;
const CALMLY_MS = 1_000; // what may come by the dozen and is a list of its own

/** A cooler's last hours, column by column. */
export interface Series {
  t_s: number[];
  air_c: (number | null)[];
  product_c: (number | null)[];
}

class Cooling {
  coolers = $state.raw<Cooler[]>([]);
  excursions = $state.raw<Excursion[]>([]);
  series = $state.raw<Record<string, Series>>({});
  loaded = $state(false);

  line = new LiveLine(
    "/api/live",
    ["cooler", "excursion", "visit", "order", "reset"],
    (name, data) => this.#hear(name, data),
    () => void this.#everything(),
  );
  #questions = new Soon();

  async start(): Promise<void> {
    await this.#health();
    await this.#everything();
    this.line.start();
    setInterval(() => void this.#health(), 5_000);
    setInterval(() => void this.#allSeries(), 20_000);
  }

  get open(): Excursion[] {
    return this.excursions.filter((one) => one.closed_s === null).sort((a, b) => b.opened_s - a.opened_s);
  }

  get closed(): Excursion[] {
    return this.excursions.filter((one) => one.closed_s !== null).sort((a, b) => (b.closed_s ?? 0) - (a.closed_s ?? 0));
  }

  async close(id: string, by: string, comment: string, disposition: string): Promise<void> {
    await post(`/api/excursions/${id.split("/").map(encodeURIComponent).join("/")}/close`, { by, comment, disposition });
    await this.#excursions();
  }

  #hear(name: string, data: unknown): void {
    const said = data as Partial<Cooler> | null;
    if (name === "cooler" && said?.source) {
      const known = this.coolers.find((cooler) => cooler.source === said.source);
      if (known) {
        this.coolers = this.coolers.map((cooler) => (cooler === known ? { ...known, ...said } : cooler));
        this.#append(said);
        return;
      }
    }
    if (name === "visit" || name === "order") {
      // Something was scanned or handed over: what is in a cooler has changed.
      if (this.open.length > 0) this.#questions.ask("contents", () => this.#excursions(), CALMLY_MS);
      return;
    }
    this.#questions.ask("everything", () => this.#everything(), 200);
  }

  #append(said: Partial<Cooler>): void {
    const series = said.source ? this.series[said.source] : undefined;
    if (!series || said.source === undefined || said.t_s === undefined || said.t_s <= (series.t_s.at(-1) ?? 0)) return;
    this.series = {
      ...this.series,
      [said.source]: {
        t_s: [...series.t_s, said.t_s],
        air_c: [...series.air_c, said.air_c ?? null],
        product_c: [...series.product_c, said.product_c ?? null],
      },
    };
  }

  async #health(): Promise<void> {
    try {
      hearNow((await get<Health>("/api/health")).now_s);
    } catch {
      // the line's state tells that the hub is away
    }
  }

  async #everything(): Promise<void> {
    try {
      const coolers = await get<Cooler[]>("/api/coolers");
      // What the stream told while this was on its way is newer.
      const newest = coolers.map((cooler) => {
        const known = this.coolers.find((one) => one.source === cooler.source);
        return known && known.t_s > cooler.t_s ? known : cooler;
      });
      this.coolers = newest.sort((a, b) => a.source.localeCompare(b.source, "nl", { numeric: true }));
      await this.#excursions();
      await this.#allSeries();
      this.loaded = true;
    } catch {
      this.loaded = this.loaded || false;
    }
  }

  async #excursions(): Promise<void> {
    this.excursions = await get<Excursion[]>("/api/excursions");
  }

  async #allSeries(): Promise<void> {
    const to_s = worldNow();
    const found: Record<string, Series> = {};
    for (const { source } of this.coolers) {
      const path = `/api/coolers/${source}/series?from_s=${(to_s - SPAN_S).toFixed(0)}&to_s=${(to_s + 60).toFixed(0)}`;
      try {
        found[source] = columns(await get<CoolerPoint[]>(path));
      } catch {
        continue;
      }
    }
    this.series = found;
  }
}

function columns(points: CoolerPoint[]): Series {
  return {
    t_s: points.map((point) => point.t_s),
    air_c: points.map((point) => point.air_mean_c),
    product_c: points.map((point) => point.product_mean_c),
  };
}

export const cooling = new Cooling();
