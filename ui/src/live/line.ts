import { client } from '../client.ts';
import type { StreamEventData, StreamEventName } from '../contract.ts';

const EVENT_TYPES: Readonly<Record<StreamEventName, true>> = {
  'call.ringing': true,
  'call.dialling': true,
  'call.answered': true,
  'call.updated': true,
  'call.ended': true,
  'callback.failed': true,
  'ticket.changed': true,
  'customer.changed': true,
  'agents.changed': true,
  'fields.changed': true,
  'recording.ready': true,
  'action.done': true,
  'action.refused': true,
  'inbox.changed': true,
  'session.ended': true,
  'stream.open': true,
  'stream.beat': true,
  'stream.reset': true,
};

/** The service beats every fifteen seconds. A connection that says nothing for so long is dead, and nobody has told the browser. */
const SILENCE_MS = 40_000;
const LISTEN_EVERY_MS = 5000;
const LONGEST_PAUSE_MS = 15_000;

/** What comes over the line. `agentId`: whose stream it is, by the service's own word. */
export type Told =
  | { readonly kind: 'open'; readonly agentId: string }
  /** Gone for the moment; `refused` where the service itself said no, perhaps because nobody is signed in. */
  | { readonly kind: 'broken' | 'refused' }
  | { readonly kind: 'event'; readonly agentId: string; readonly type: StreamEventName; readonly payload: unknown };

export interface Line {
  /** Anew at once: the network is back, or the session another's, and what is left of the old connection would take minutes to fail. */
  anew(): void;
  close(): void;
}

/** One connection to the service's stream, kept up come what may; the browser resumes it by itself from the last event it saw. */
export function openLine(tell: (told: Told) => void): Line {
  let source: EventSource;
  let agentId = '';
  let failures = 0;
  let lastHeard = 0;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;

  function hear(type: StreamEventName, event: Event): void {
    lastHeard = Date.now();
    const payload: unknown = JSON.parse((event as MessageEvent<string>).data);
    if (type !== 'stream.open') return tell({ kind: 'event', agentId, type, payload });
    failures = 0;
    agentId = (payload as StreamEventData<'stream.open'>).agentId;
    tell({ kind: 'open', agentId });
  }
  function whenBroken(): void {
    if (source.readyState !== EventSource.CLOSED) return tell({ kind: 'broken' });
    // The browser comes back by itself, except where the server answered with an error.
    tell({ kind: 'refused' });
    failures += 1;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(start, Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures) * (0.75 + Math.random() / 2));
  }
  function start(): void {
    clearTimeout(retryTimer);
    source = client.events();
    lastHeard = Date.now();
    source.onerror = whenBroken;
    for (const type of Object.keys(EVENT_TYPES) as StreamEventName[]) source.addEventListener(type, (event) => hear(type, event));
  }
  function anew(): void {
    source.close();
    start();
  }
  const silenceTimer = setInterval(() => {
    if (Date.now() - lastHeard < SILENCE_MS) return;
    tell({ kind: 'broken' });
    anew();
  }, LISTEN_EVERY_MS);

  start();
  return {
    anew,
    close() {
      clearTimeout(retryTimer);
      clearInterval(silenceTimer);
      source.close();
    },
  };
}
