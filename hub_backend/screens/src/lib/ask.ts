// Asking the server: JSON in, JSON out, and an error that says what the server said.

export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
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
  if (!response.ok) throw new Refused(response.status, reason(text) || `${response.status} ${response.statusText}`);
  return (text === "" ? null : JSON.parse(text)) as T;
}

/** What FastAPI, our rejects or a plain server say went wrong, as one line. */
function reason(text: string): string {
  try {
    const body = JSON.parse(text) as { detail?: unknown; reason?: unknown; field?: unknown; rejected?: unknown };
    const found = body.detail ?? body.rejected ?? body;
    const list = Array.isArray(found) ? found : [found];
    return list.map(oneReason).filter(Boolean).join("; ");
  } catch {
    return text.slice(0, 200);
  }
}

function oneReason(item: unknown): string {
  if (typeof item === "string") return item;
  if (typeof item !== "object" || item === null) return "";
  const { field, loc, reason: why, msg, rejected } = item as Record<string, unknown>;
  if (Array.isArray(rejected)) return rejected.map(oneReason).join("; ");
  const where = typeof field === "string" ? field : Array.isArray(loc) ? loc.slice(1).join(".") : "";
  const said = typeof why === "string" ? why : typeof msg === "string" ? msg : "";
  return where && said ? `${where}: ${said}` : said;
}
