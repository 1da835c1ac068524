// What the concierge taps is kept here until the gateway has it: in IndexedDB, append-only, each with its own id.
// It leaves only when the gateway says "stored". What the gateway refuses moves to a list people see.
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { PageRecord, RecordsAnswer, State } from "../gateway_api";

export interface Kept {
  seq?: number;
  id: string;
  record: PageRecord;
  refused: { field: string; reason: string } | null;
}

interface Tablet extends DBSchema {
  records: { key: number; value: Kept; indexes: { id: string } };
  last: { key: string; value: State };
}

const AT_ONCE = 50;
const EVERY_MS = 5_000;

let opened: Promise<IDBPDatabase<Tablet>> | undefined;

function database(): Promise<IDBPDatabase<Tablet>> {
  opened ??= openDB<Tablet>("buurtrit", 1, {
    upgrade(db) {
      const records = db.createObjectStore("records", { keyPath: "seq", autoIncrement: true });
      records.createIndex("id", "id", { unique: true });
      db.createObjectStore("last");
    },
  });
  return opened;
}

/** A version-4 UUID; `crypto.randomUUID` is missing on plain http, where the tablets may be. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export async function keep(record: PageRecord): Promise<void> {
  const db = await database();
  const change = db.transaction("records", "readwrite", { durability: "strict" });
  await change.store.add({ id: record.id, record, refused: null });
  await change.done;
}

export async function kept(): Promise<Kept[]> {
  return (await database()).getAll("records");
}

/** A person has read that the gateway refused this record, and lets go of it. */
export async function letGo(id: string): Promise<void> {
  const db = await database();
  const key = await db.getKeyFromIndex("records", "id", id);
  if (key !== undefined) await db.delete("records", key);
}

export async function rememberState(state: State): Promise<void> {
  await (await database()).put("last", state, "state");
}

export async function rememberedState(): Promise<State | undefined> {
  return (await database()).get("last", "state");
}

/** Takes the day off the tablet; refuses while there is something the gateway does not have. */
export async function wipe(): Promise<boolean> {
  const db = await database();
  if ((await db.count("records")) > 0) return false;
  await db.clear("last");
  return true;
}

/** Sends what waits, oldest first, one sender at a time over all tabs; calls `changed` after each answer. */
export class Flusher {
  #changed: () => void;
  #busy = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  start(): void {
    window.addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => this.flush());
    setInterval(() => this.flush(), EVERY_MS);
    this.flush();
  }

  flush(): void {
    if (this.#busy) return;
    this.#busy = true;
    void alone(() => this.#send()).finally(() => {
      this.#busy = false;
    });
  }

  async #send(): Promise<void> {
    for (;;) {
      const waiting = (await kept()).filter((item) => item.refused === null).slice(0, AT_ONCE);
      if (waiting.length === 0) return;
      if (!(await this.#deliver(waiting))) return;
    }
  }

  /** True when every one of these is settled: stored, or refused for good. */
  async #deliver(items: Kept[]): Promise<boolean> {
    let response: Response;
    try {
      response = await fetch("/api/records", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(items.map((item) => item.record)),
      });
    } catch {
      return false; // no line: it stays here
    }
    if (response.ok) return this.#settle(items, (await response.json()) as RecordsAnswer);
    if (response.status < 500 && items.length > 1) {
      for (const item of items) if (!(await this.#deliver([item]))) return false; // find the one that is refused
      return true;
    }
    if (response.status >= 500 || response.status === 408 || response.status === 429) return false;
    const text = (await response.text()).slice(0, 300);
    return this.#settle(items, {
      stored: [],
      refused: items.map((item) => ({ id: item.id, field: String(response.status), reason: text })),
    });
  }

  async #settle(items: Kept[], answer: RecordsAnswer): Promise<boolean> {
    const db = await database();
    const change = db.transaction("records", "readwrite", { durability: "strict" });
    const refused = new Map(answer.refused.map((one) => [one.id, one]));
    const stored = new Set(answer.stored);
    let settled = 0;
    for (const item of items) {
      const why = refused.get(item.id);
      if (stored.has(item.id) && item.seq !== undefined) await change.store.delete(item.seq);
      else if (why) await change.store.put({ ...item, refused: { field: why.field, reason: why.reason } });
      else continue;
      settled += 1;
    }
    await change.done;
    this.#changed();
    return settled === items.length;
  }
}

async function alone(work: () => Promise<void>): Promise<void> {
  if (navigator.locks) await navigator.locks.request("buurtrit.flush", work);
  else await work(); // plain http: no Web Locks; ids make a double send harmless
}
