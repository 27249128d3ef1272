import { createServer } from 'node:http';
import { expect } from 'vitest';
import type { AddressInfo } from 'node:net';
import { sign } from '../../run/demo-pbx/signature.ts';
import { createNarrator } from '../../run/demo-pbx/words.ts';
import { TEST_CREDENTIALS } from '../support/pbx.ts';

/** One webhook as a product would have received it. */
export interface Received {
  readonly path: string;
  readonly contentType: string;
  readonly key: string;
  readonly json: string;
  readonly event: WireEvent;
  readonly signedWell: boolean;
}

export interface WireEvent {
  readonly entry_id?: string;
  readonly call_id?: string;
  readonly seq?: number;
  readonly timestamp?: number;
  readonly call_state?: string;
  readonly location?: string;
  readonly from?: Readonly<Record<string, unknown>>;
  readonly to?: Readonly<Record<string, unknown>>;
  readonly recording_id?: string;
  readonly recording_state?: string;
  readonly extension?: string;
  readonly [field: string]: unknown;
}

export interface Sink {
  readonly url: string;
  readonly received: Received[];
  readonly events: WireEvent[];
  /** Status of the next answers; 200 when empty. */
  readonly statuses: number[];
  /** The most requests that were open at one time. */
  readonly peak: () => number;
  /** Answers take so long. */
  setDelay(ms: number): void;
  close(): Promise<void>;
}

/** Stands where the product would: takes webhooks and keeps them. */
export async function startSink(): Promise<Sink> {
  const received: Received[] = [];
  const statuses: number[] = [];
  let [open, peak, delayMs] = [0, 0, 0];
  const server = createServer((request, response) => {
    open += 1;
    peak = Math.max(peak, open);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push(read(request.url ?? '', request.headers['content-type'] ?? '', Buffer.concat(chunks).toString('utf8')));
      setTimeout(() => {
        open -= 1;
        response.writeHead(statuses.shift() ?? 200).end();
      }, delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    get events() {
      return received.map((one) => one.event);
    },
    statuses,
    peak: () => peak,
    setDelay(ms) {
      delayMs = ms;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function read(path: string, contentType: string, body: string): Received {
  const form = new URLSearchParams(body);
  const json = form.get('json') ?? '';
  return {
    path,
    contentType,
    key: form.get('vpbx_api_key') ?? '',
    json,
    event: (json === '' ? {} : JSON.parse(json)) as WireEvent,
    signedWell: form.get('sign') === sign(json, TEST_CREDENTIALS),
  };
}

/** Waits for what comes by itself, also on a busy machine. */
export function soon<T>(read: () => T) {
  return expect.poll(read, { timeout: 20_000, interval: 10 });
}

/** The events as they came, a line each; see `createNarrator`. */
export function inWords(received: readonly Received[]): string[] {
  const narrate = createNarrator();
  return received.map(({ path, event }) => narrate(path, event));
}
