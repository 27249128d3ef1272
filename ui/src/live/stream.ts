import { ref } from 'vue';
import { client } from '../client.ts';
import type { StreamEventData, StreamEventName } from '../contract.ts';

type EventType = StreamEventName;
const EVENT_TYPES: Readonly<Record<EventType, true>> = {
  'call.ringing': true,
  'call.dialling': true,
  'call.answered': true,
  'call.updated': true,
  'call.ended': true,
  'callback.failed': true,
  'ticket.changed': true,
  'customer.changed': true,
  'recording.ready': true,
  'action.done': true,
  'action.refused': true,
  'inbox.changed': true,
  'session.ended': true,
  'stream.beat': true,
  'stream.reset': true,
};

/** `lost` only after a while, so that a hiccup does not blink on the screen. */
export const connection = ref<'connecting' | 'open' | 'lost'>('connecting');

const PATIENCE_MS = 2000;
const LONGEST_PAUSE_MS = 15_000;
/** The service beats every fifteen seconds. A connection that says nothing for so long is dead, and nobody has told the browser. */
const SILENCE_MS = 40_000;
const LISTEN_EVERY_MS = 5000;

type Listener = (payload: never) => void;
const listeners = new Map<EventType, Set<Listener>>();
const resumeListeners = new Set<() => void>();
let source: EventSource | null = null;
let failures = 0;
let lostTimer: ReturnType<typeof setTimeout> | undefined;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let silenceTimer: ReturnType<typeof setInterval> | undefined;
let lastHeard = 0;

/** Listens to one kind of event; the answer stops listening. */
export function on<T extends EventType>(type: T, listener: (payload: StreamEventData<T>) => void): () => void {
  const set = listeners.get(type) ?? new Set();
  listeners.set(type, set.add(listener as Listener));
  return () => void set.delete(listener as Listener);
}

/** Called when the stream begins, or is back after a loss: what was missed is asked for, then the stream is followed. */
export function onResume(listener: () => void): () => void {
  resumeListeners.add(listener);
  return () => void resumeListeners.delete(listener);
}

export function startStream(): void {
  if (source) return;
  source = client.events();
  lastHeard = Date.now();
  silenceTimer ??= setInterval(endSilence, LISTEN_EVERY_MS);
  source.onopen = whenOpen;
  source.onerror = whenBroken;
  for (const type of Object.keys(EVENT_TYPES) as EventType[]) {
    source.addEventListener(type, (event) => {
      lastHeard = Date.now();
      const payload = JSON.parse((event as MessageEvent<string>).data) as never;
      for (const listener of listeners.get(type) ?? []) listener(payload);
    });
  }
}

export function stopStream(): void {
  clearTimeout(lostTimer);
  clearTimeout(retryTimer);
  clearInterval(silenceTimer);
  lostTimer = silenceTimer = undefined;
  source?.close();
  source = null;
  connection.value = 'connecting';
}

/** Anew at once: the network is back, or the machine has slept, and what is left of the old connection would take minutes to fail. */
function startAnew(): void {
  if (silenceTimer === undefined) return;
  clearTimeout(retryTimer);
  source?.close();
  source = null;
  startStream();
}
function endSilence(): void {
  if (!source || Date.now() - lastHeard < SILENCE_MS) return;
  missIt();
  startAnew();
}
function missIt(): void {
  lostTimer ??= setTimeout(() => (connection.value = 'lost'), PATIENCE_MS);
}
window.addEventListener('online', startAnew);
window.addEventListener('offline', () => silenceTimer === undefined || missIt());

function whenOpen(): void {
  lastHeard = Date.now();
  clearTimeout(lostTimer);
  lostTimer = undefined;
  failures = 0;
  connection.value = 'open';
  // Also the first time: what happened between a screen's first question and this moment is told by nobody.
  readAgain();
}

/** Everything on the screen is asked for again. */
function readAgain(): void {
  for (const listener of resumeListeners) listener();
}
on('stream.reset', readAgain);

function whenBroken(): void {
  missIt();
  // The browser comes back by itself, except where the server answered with an error.
  if (source?.readyState !== EventSource.CLOSED) return;
  source = null;
  failures += 1;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(startStream, Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures) * (0.75 + Math.random() / 2));
}
