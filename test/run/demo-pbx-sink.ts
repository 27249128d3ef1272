import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sign } from '../../run/demo-pbx/signature.ts';
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

/**
 * Events in the notation of mango-api §3, a line each: `B#1 Appeared 101→102 <A consultative` is leg B's first event, taken from
 * leg A. Legs and recordings are lettered in the order in which they show up.
 */
export function inWords(received: readonly Received[]): string[] {
  const names = new Map<string, string>();
  const letterOf = (id: unknown): string => {
    const key = String(id);
    if (!names.has(key)) names.set(key, String.fromCharCode(65 + names.size));
    return names.get(key) ?? '?';
  };
  return received.map(({ path, event }) => {
    const kind = path.replace('/mango/', '');
    if (kind === 'events/call') return legInWords(event, letterOf);
    if (kind === 'events/summary') return summaryInWords(event);
    if (kind === 'events/recording') {
      const code = event['completion_code'] === undefined ? '' : ` ${String(event['completion_code'])}`;
      const recipient = event['recipient'] === undefined ? '' : ` ${String(event['recipient'])}`;
      return `recording of ${event.extension}#${event.seq} ${event.recording_state} ${letterOf(event.call_id)}${code}${recipient}`;
    }
    return kind.startsWith('result/') ? `${kind} ${String(event['result'])}` : kind;
  });
}

function legInWords(event: WireEvent, letterOf: (id: unknown) => string): string {
  const { from = {}, to = {} } = event;
  const leg = `${letterOf(event.call_id)}#${event.seq} ${event.call_state}`;
  const words = [
    event.location === 'abonent' ? '' : event.location,
    `${endInWords(from)}→${endInWords(to)}`,
    from['taken_from_call_id'] === undefined ? '' : `<${letterOf(from['taken_from_call_id'])}`,
    to['acd_group'] ? `group ${String(to['acd_group'])}` : '',
    event['transfer'],
    event['disconnect_reason'],
    from['was_transferred'] ? 'from.was_transferred' : to['was_transferred'] ? 'to.was_transferred' : '',
    from['hold_initiator'] ? 'from.hold_initiator' : to['hold_initiator'] ? 'to.hold_initiator' : '',
    event['command_id'] === undefined ? '' : 'command',
    event['callback_initiator'],
  ];
  return [leg, ...words.filter((word) => word !== '' && word !== undefined).map(String)].join(' ');
}

function summaryInWords(event: WireEvent): string {
  const talked = event['talk_time'] === 0 ? 'not talked' : 'talked';
  const [direction, result, reason] = [event['call_direction'], event['entry_result'], event['disconnect_reason']].map(String);
  return `summary ${direction} ${endInWords(event.from ?? {})}→${endInWords(event.to ?? {})} ${talked} ${result} ${reason}`;
}

function endInWords(end: Readonly<Record<string, unknown>>): string {
  return String(end['extension'] ?? end['number'] ?? '?');
}
