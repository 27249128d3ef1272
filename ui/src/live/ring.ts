const RING_EVERY_MS = 3000;
let context: AudioContext | null = null;
let timer: ReturnType<typeof setInterval> | undefined;

/** Browsers let a page sound only after a click in it; until then the card alone must do. */
export function unlockRing(): void {
  context ??= new AudioContext();
  void context.resume().catch(() => undefined);
}

function tone(at: number, frequency: number): void {
  if (!context) return;
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.12, at + 0.03);
  gain.gain.exponentialRampToValueAtTime(0.001, at + 0.45);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.5);
}

function ringOnce(): void {
  if (context?.state !== 'running') return;
  const start = context.currentTime;
  for (const [offset, frequency] of [
    [0, 523],
    [0.22, 659],
    [0.7, 523],
    [0.92, 659],
  ] as const) {
    tone(start + offset, frequency);
  }
}

export function startRing(): void {
  if (timer) return;
  unlockRing();
  // A context that is being woken up starts a moment later.
  setTimeout(ringOnce, 50);
  timer = setInterval(ringOnce, RING_EVERY_MS);
}

export function stopRing(): void {
  clearInterval(timer);
  timer = undefined;
}
