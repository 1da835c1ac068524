// Four sounds for four answers, made here: nothing to fetch, and each known without looking.
import type { ScanAnswer } from "../gateway_api";

const TUNES: Record<string, [hertz: number, length_s: number][]> = {
  right: [[880, 0.09], [1320, 0.14]],
  already_scanned: [[880, 0.08], [880, 0.08]],
  wrong_van: [[440, 0.16], [330, 0.16], [440, 0.16]],
  unknown: [[196, 0.45]],
};

let context: AudioContext | undefined;

// Browsers give no sound before the first touch, and complain when asked.
window.addEventListener("pointerdown", () => (context ??= new AudioContext()), { once: true });

export function sound(result: ScanAnswer["result"]): void {
  if (!context) return;
  let at = context.currentTime;
  for (const [hertz, length_s] of TUNES[result ?? "unknown"] ?? []) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = hertz;
    tone.type = "triangle";
    volume.gain.setValueAtTime(0.25, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + length_s);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + length_s);
    at += length_s + 0.04;
  }
}
