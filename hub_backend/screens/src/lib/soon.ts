// Many events in a moment lead to one question to the server.

/** Asks `work` once, some milliseconds after the first of many wishes of the same name. */
export class Soon {
  #timers = new Map<string, ReturnType<typeof setTimeout>>();

  ask(name: string, work: () => Promise<void>, after_ms: number): void {
    if (this.#timers.has(name)) return;
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        void work().catch(() => undefined); // the line's state tells that the hub is away
      }, after_ms),
    );
  }
}
