import { setMaxListeners } from 'node:events';
import { request as requestPlain } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultBox, DeliveryFault } from './faults.ts';
import type { Credentials } from './signature.ts';
import { sign } from './signature.ts';
import type { PbxEvent } from './wire.ts';
import { OPTIONAL_FIELDS, isRecord, omitFields, quoteNumbers } from './wire.ts';

/** One request that left (or, if lost, should have left) the PBX. */
export interface Sent {
  readonly path: string;
  readonly entryId: string | null;
  /** The JSON text exactly as signed. */
  readonly json: string;
  /** 0 for the first, 1… for copies and retries. */
  readonly copy: number;
  /** Null where no answer came. */
  readonly status: number | null;
  readonly body: string;
  readonly tookMs: number;
  /** When the answer came, or was given up. */
  readonly at: number;
  /** Why there is no status: `lost` by order, or what the network said. */
  readonly failure: string | null;
}

export interface DeliveryOptions {
  /** The receiver's base address: events go to `<baseUrl>/events/call` and so on. */
  readonly baseUrl: () => string;
  readonly credentials: Credentials;
  readonly faults: FaultBox;
  readonly onSent: (sent: Sent) => void;
  /** A real PBX promises no second try, so none by default. */
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly timeoutMs: number;
}

export interface Delivery {
  /** Resolves when the answer is there; at once if the event is lost, late, withheld or waits to be reordered. */
  send(path: string, event: PbxEvent, entryId?: string | null): Promise<void>;
  /** Sends what was withheld or is still being collected for reordering, in random order, all at once. */
  release(): Promise<void>;
  /** Waits until nothing is on its way any more. Withheld events stay withheld. */
  settled(): Promise<void>;
  close(): void;
}

export function createDelivery(options: DeliveryOptions): Delivery {
  const { faults, onSent } = options;
  const closing = new AbortController();
  // Each event on its way listens for the end.
  setMaxListeners(0, closing.signal);
  const onTheWay = new Set<Promise<void>>();
  let waiting: (() => Promise<void>)[] = [];

  function track(work: Promise<void>): Promise<void> {
    onTheWay.add(work);
    return work.finally(() => onTheWay.delete(work));
  }

  async function send(path: string, event: PbxEvent, entryId: string | null = null): Promise<void> {
    const fault = faults.forDelivery(path, event);
    const json = JSON.stringify(distort(event, fault));
    const note = (part: Partial<Sent>): void =>
      onSent({ path, entryId, json, copy: 0, status: null, body: '', tookMs: 0, at: Date.now(), failure: null, ...part });
    if (fault.lose) return note({ failure: 'lost' });
    const go = (): Promise<void> => track(deliver(path, json, fault, note));
    if (fault.withhold) return void waiting.push(go);
    if (fault.delayMs) return void track(later(fault.delayMs, go));
    if (!faults.current.reorder) return go();
    waiting.push(go);
    if (waiting.length >= faults.current.reorder) void release();
    else if (faults.current.reorderWithinMs) void later(faults.current.reorderWithinMs, release);
  }

  async function later(delayMs: number, go: () => Promise<void>): Promise<void> {
    await sleep(delayMs, undefined, { signal: closing.signal }).catch(() => undefined);
    if (!closing.signal.aborted) await go();
  }

  async function deliver(path: string, json: string, fault: DeliveryFault, note: (part: Partial<Sent>) => void): Promise<void> {
    const body = formOf(json, fault, options.credentials);
    const copies = Array.from({ length: 1 + (fault.duplicate ?? 0) }, (_, copy) => post(path, body, copy, note));
    await Promise.all(copies);
  }

  async function post(path: string, body: string, copy: number, note: (part: Partial<Sent>) => void): Promise<void> {
    for (let attempt = 0; attempt <= options.retries && !closing.signal.aborted; attempt += 1) {
      const answer = await attemptPost(path, body);
      note({ copy: copy + attempt, ...answer });
      if (answer.status !== null && answer.status < 500) return;
      if (attempt < options.retries) await later(options.retryDelayMs, async () => undefined);
    }
  }

  async function attemptPost(path: string, body: string): Promise<Pick<Sent, 'status' | 'body' | 'tookMs' | 'failure'>> {
    const startedAt = performance.now();
    const took = (): number => Math.round(performance.now() - startedAt);
    try {
      const answer = await postForm(new URL(options.baseUrl() + path), body, closing.signal, options.timeoutMs);
      return { ...answer, tookMs: took(), failure: null };
    } catch (error) {
      return { status: null, body: '', tookMs: took(), failure: reasonOf(error) };
    }
  }

  async function release(): Promise<void> {
    const going = shuffled(waiting, faults.random);
    waiting = [];
    await Promise.all(going.map((go) => go()));
  }

  return {
    send,
    release,
    async settled() {
      while (onTheWay.size > 0) await Promise.all(onTheWay);
    },
    close: () => closing.abort(),
  };
}

/** On a connection of its own: one kept alive may be closed by the receiver as the event leaves, which loses it. */
function postForm(url: URL, form: string, signal: AbortSignal, timeoutMs: number): Promise<Pick<Sent, 'status' | 'body'>> {
  const request = url.protocol === 'https:' ? requestSecurely : requestPlain;
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(form) };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent: false, headers, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body += part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? null, body }));
    });
    const patience = setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    outgoing.on('close', () => clearTimeout(patience));
    outgoing.on('error', reject);
    outgoing.end(form);
  });
}

function distort(event: PbxEvent, fault: DeliveryFault): unknown {
  const paths = [...(fault.omitOptional ? OPTIONAL_FIELDS : []), ...(fault.omit ?? [])];
  const thinned = paths.length > 0 && isRecord(event) ? omitFields(event, paths) : event;
  const moved = fault.clockSeconds ? moveClock(thinned, fault.clockSeconds) : thinned;
  return fault.quoteNumbers ? quoteNumbers(moved) : moved;
}

function moveClock(event: unknown, seconds: number): unknown {
  if (!isRecord(event) || typeof event['timestamp'] !== 'number') return event;
  return { ...event, timestamp: event['timestamp'] + seconds };
}

function formOf(json: string, fault: DeliveryFault, credentials: Credentials): string {
  const key = fault.wrongKey ? `${credentials.key}-wrong` : credentials.key;
  const salt = fault.badSignature ? `${credentials.salt}-wrong` : credentials.salt;
  return new URLSearchParams({ vpbx_api_key: key, sign: sign(json, { key, salt }), json }).toString();
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : error;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
