// One stream of server-sent events for a page, that comes back by itself. The browser reconnects after a dropped line
// and sends Last-Event-ID; what it gives up on (a 5xx, a proxy's answer) we try again with a growing pause.

export type LineState = "connecting" | "open" | "lost";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

export class LiveLine {
  state = $state<LineState>("connecting");
  #source: EventSource | undefined;
  #pause_ms = FIRST_PAUSE_MS;
  #url: string;
  #names: string[];
  #hear: (name: string, data: unknown) => void;
  #opened: () => void;

  /** `opened` is called at every (re)connection: read afresh what may have been missed. */
  constructor(url: string, names: string[], hear: (name: string, data: unknown) => void, opened: () => void) {
    this.#url = url;
    this.#names = names;
    this.#hear = hear;
    this.#opened = opened;
  }

  start(): void {
    this.#connect();
    window.addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#hurry();
    });
  }

  #hurry(): void {
    if (this.state !== "open") {
      this.#pause_ms = FIRST_PAUSE_MS;
      this.#source?.close();
      this.#connect();
    }
  }

  #connect(): void {
    const source = new EventSource(this.#url);
    this.#source = source;
    source.onopen = () => {
      this.state = "open";
      this.#pause_ms = FIRST_PAUSE_MS;
      this.#opened();
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      this.state = "lost";
      if (source.readyState !== EventSource.CLOSED) return; // the browser is already trying again
      this.#pause_ms = Math.min(this.#pause_ms * 2, LONGEST_PAUSE_MS);
      setTimeout(() => source === this.#source && this.#connect(), this.#pause_ms);
    };
    for (const name of this.#names) {
      source.addEventListener(name, (event) => this.#hear(name, parsed((event as MessageEvent<string>).data)));
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
