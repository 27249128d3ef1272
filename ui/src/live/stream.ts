import { ref } from 'vue';
import type { StreamEventData, StreamEventName } from '../contract.ts';
import { openLine, type Line, type Told } from './line.ts';
import type { Said } from './shared-line.ts';

/** `lost` only after a while, so that a hiccup does not blink on the screen. */
export const connection = ref<'connecting' | 'open' | 'lost'>('connecting');

const PATIENCE_MS = 2000;
/** The line itself notices a silence sooner, and says so. Who hears not even that has lost the worker. */
const SILENCE_MS = 75_000;
const LISTEN_EVERY_MS = 5000;

type Listener = (payload: never) => void;
const listeners = new Map<StreamEventName, Set<Listener>>();
const resumeListeners = new Set<() => void>();
let isStillMe: () => Promise<boolean> = () => Promise.resolve(true);
let agentId: string | null = null;
let line: Line | null = null;
let lostTimer: ReturnType<typeof setTimeout> | undefined;
let silenceTimer: ReturnType<typeof setInterval> | undefined;
let lastHeard = 0;

/** Listens to one kind of event; the answer stops listening. */
export function on<T extends StreamEventName>(type: T, listener: (payload: StreamEventData<T>) => void): () => void {
  const set = listeners.get(type) ?? new Set();
  listeners.set(type, set.add(listener as Listener));
  return () => void set.delete(listener as Listener);
}

/** Called when the stream begins, or is back after a loss: what was missed is asked for, then the stream is followed. */
export function onResume(listener: () => void): () => void {
  resumeListeners.add(listener);
  return () => void resumeListeners.delete(listener);
}

/** Asked when it is no longer certain who is signed in: the service refuses the stream, ended it, or it is another agent's. */
export function onUnsure(ask: () => Promise<boolean>): void {
  isStillMe = ask;
}

/** Follows what happens, as this agent. All tabs of a browser share one connection, where the browser can. */
export function startStream(whose: string): void {
  if (agentId === whose) return;
  stopStream();
  agentId = whose;
  silenceTimer = setInterval(endSilence, LISTEN_EVERY_MS);
  join();
}

export function stopStream(): void {
  clearTimeout(lostTimer);
  clearInterval(silenceTimer);
  lostTimer = silenceTimer = undefined;
  leave();
  agentId = null;
  connection.value = 'connecting';
}

function join(): void {
  if (agentId === null || line) return;
  lastHeard = Date.now();
  line = typeof SharedWorker === 'undefined' ? openLine(hear) : shareLine(agentId);
}
function leave(): void {
  line?.close();
  line = null;
}

function shareLine(whose: string): Line {
  const worker = new SharedWorker(new URL('./shared-line.ts', import.meta.url), { type: 'module', name: 'trubka' });
  const say = (what: Said['say']): void => worker.port.postMessage({ say: what, agentId: whose } satisfies Said);
  const mine: Line = {
    anew: () => say('anew'),
    close() {
      say('bye');
      worker.port.onmessage = null;
    },
  };
  worker.port.onmessage = ({ data }: MessageEvent<Told>) => hear(data);
  // Where the worker does not start, each tab has a line of its own.
  worker.onerror = () => line === mine && (line = openLine(hear));
  say('hello');
  return mine;
}

function hear(told: Told): void {
  const isForeign = 'agentId' in told && told.agentId !== agentId;
  lastHeard = Date.now();
  if (told.kind === 'broken' || told.kind === 'refused') missIt();
  if (told.kind === 'refused') void isStillMe();
  else if (isForeign) refuseForeign(told);
  else if (told.kind === 'open') whenOpen();
  else if (told.kind === 'event') for (const listener of listeners.get(told.type) ?? []) listener(told.payload as never);
}

/** Another agent's stream: of no concern here. If the session is mine all the same, it was opened a moment too early. */
function refuseForeign(told: Told): void {
  if (told.kind === 'open') void isStillMe().then((mine) => void (mine && line?.anew()));
}

function endSilence(): void {
  if (Date.now() - lastHeard < SILENCE_MS) return;
  missIt();
  leave();
  join();
}
function missIt(): void {
  lostTimer ??= setTimeout(() => (connection.value = 'lost'), PATIENCE_MS);
}
window.addEventListener('online', () => line?.anew());
window.addEventListener('offline', () => void (line && missIt()));
// A page that the browser puts aside says nothing any more; one that it takes out again comes back.
window.addEventListener('pagehide', leave);
window.addEventListener('pageshow', join);

function whenOpen(): void {
  clearTimeout(lostTimer);
  lostTimer = undefined;
  connection.value = 'open';
  // Also the first time: what happened between a screen's first question and this moment is told by nobody.
  readAgain();
}

/** Everything on the screen is asked for again. */
function readAgain(): void {
  for (const listener of resumeListeners) listener();
}
on('stream.reset', readAgain);
on('session.ended', () => void isStillMe());
