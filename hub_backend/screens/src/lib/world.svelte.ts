// The world's clock, as the server tells it. A demo's day runs faster than ours and on another date, and a tablet's
// own clock is often wrong: pages therefore never take a time from the device when the server has told one.

const world = $state({ now_s: Date.now() / 1000, known: false });
let said_s = 0;
let heard_ms = 0;
let rate = 1;

/** The server says that it is `now_s` in the world. */
export function hearNow(now_s: number): void {
  const at_ms = performance.now();
  const passed_s = (at_ms - heard_ms) / 1000;
  if (world.known && passed_s > 0.5) {
    const seen = (now_s - said_s) / passed_s;
    rate = seen > 1.5 && seen < 1000 ? seen : 1; // anything near 1 is jitter of the line, not a faster world
  }
  if (!world.known || passed_s > 0.5) {
    said_s = now_s;
    heard_ms = at_ms;
  }
  world.known = true;
  tick();
}

/** World time now, UTC seconds; the device's time as long as no server has said otherwise. */
export function worldNow(): number {
  if (!world.known) return Date.now() / 1000;
  return said_s + (rate * (performance.now() - heard_ms)) / 1000;
}

/** World time for judging how old something is: where the world runs faster than ours, only what the server has said,
    for a guess between two answers can be a minute off. */
export function nowForAges(): number {
  const guess_s = world.now_s; // read always, so that the page asks again as time passes
  return world.known && rate !== 1 ? said_s : guess_s;
}

function tick(): void {
  world.now_s = worldNow();
}

setInterval(tick, 500);

/** For the page: re-renders twice a second. */
export function now(): number {
  return world.now_s;
}
