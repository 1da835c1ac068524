// Asking the server: JSON in, JSON out, and an error that says what the server said.

/** One thing that a server would not take: the field that it names, empty when none, and why. */
export interface Fault {
  field: string;
  reason: string;
}

export class Refused extends Error {
  readonly status: number;
  readonly faults: Fault[];

  constructor(status: number, faults: Fault[], message: string) {
    super(message);
    this.status = status;
    this.faults = faults;
  }
}

export async function get<T>(path: string): Promise<T> {
  return answer<T>(await fetch(path, { headers: { accept: "application/json" } }));
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return answer<T>(
    await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
    }),
  );
}

async function answer<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (!response.ok) {
    const faults = faultsIn(text);
    throw new Refused(response.status, faults, faults.map(said).join("; ") || `${response.status} ${response.statusText}`);
  }
  return (text === "" ? null : JSON.parse(text)) as T;
}

/** A fault as the servers write one: `van: unknown van`, or the reason alone where no field is named. */
export function said({ field, reason }: Fault): string {
  return field === "" ? reason : `${field}: ${reason}`;
}

/** What FastAPI, our rejects or a plain server say went wrong. */
export function faultsIn(text: string): Fault[] {
  try {
    const body = JSON.parse(text) as { detail?: unknown; reason?: unknown; field?: unknown; rejected?: unknown };
    const found = body.detail ?? body.rejected ?? body;
    return (Array.isArray(found) ? found : [found]).flatMap(faultsOf);
  } catch {
    const plain = text.trim().slice(0, 200);
    return plain === "" ? [] : [sentence(plain)];
  }
}

function faultsOf(item: unknown): Fault[] {
  if (typeof item === "string") return [sentence(item)];
  if (typeof item !== "object" || item === null) return [];
  const { field, loc, reason: why, msg, rejected } = item as Record<string, unknown>;
  if (Array.isArray(rejected)) return rejected.flatMap(faultsOf);
  const where = typeof field === "string" ? field : Array.isArray(loc) ? loc.slice(1).join(".") : "";
  const words = typeof why === "string" ? why : typeof msg === "string" ? msg : "";
  return words ? [{ field: where, reason: words }] : [];
}

/** `van: unknown van` names its field itself. */
function sentence(words: string): Fault {
  const found = /^(\w+): (.*)$/s.exec(words);
  return { field: found?.[1] ?? "", reason: found?.[2] ?? words };
}
