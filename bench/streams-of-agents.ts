import { get, type Agent } from 'node:http';
import type { Stage } from './stage.ts';

export interface StreamEvent {
  readonly type: string;
  /** When its block was whole, in milliseconds of `performance.now()`. */
  readonly at: number;
  readonly id: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Streams {
  /** The first event, come or to come, that is told under this name: its type and a phone (digits) or an action's id. */
  first(type: string, of: string): Promise<StreamEvent>;
  close(): void;
}

interface StreamOptions {
  readonly connections?: Agent;
  /** Goes on after this event. */
  readonly lastId?: string | undefined;
  readonly ended?: () => void;
}

const nameOf = ({ type, data }: StreamEvent): string | null => {
  const of = typeof data['actionId'] === 'string' ? data['actionId'] : data['phone'];
  return typeof of === 'string' ? `${type} ${of.replace(/^\+/, '')}` : null;
};

/** One event stream as a browser reads it; `told` of each block as soon as it is whole (null: nobody looks at what comes). Resolves with what ends it, once it is open. */
export async function openStream(
  url: string,
  cookie: string,
  told: ((event: StreamEvent) => void) | null,
  { connections, lastId, ended = () => undefined }: StreamOptions = {},
): Promise<() => void> {
  const note = (block: string, at: number): void => {
    const [, type] = /^event: (.+)$/m.exec(block) ?? [];
    const [, json] = /^data: (.+)$/m.exec(block) ?? [];
    const [, id] = /^id: (.+)$/m.exec(block) ?? [];
    if (type && json) told?.({ type, at, id, data: JSON.parse(json) as StreamEvent['data'] });
  };
  return new Promise((resolve, reject) => {
    const headers = { cookie, ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
    const options = { headers, ...(connections ? { agent: connections } : {}) };
    const incoming = get(`${url}/api/events`, options, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`The stream was answered ${response.statusCode}`));
      let rest = '';
      const take = (chunk: string): void => {
        const at = performance.now();
        const blocks = (rest + chunk).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) note(block, at);
      };
      if (told) response.setEncoding('utf8').on('data', take);
      else response.resume();
      response.once('close', ended);
      resolve(() => incoming.destroy());
    });
    incoming.once('error', reject);
  });
}

/** Every agent's; resolves with what closes them. */
async function openAll(stage: Stage, told: Parameters<typeof openStream>[2]): Promise<() => void> {
  const closers: (() => void)[] = [];
  for (const { cookie } of stage.agents) closers.push(await openStream(stage.url, cookie, told));
  return () => closers.forEach((close) => close());
}

/** Every agent's event stream, read by browsers that cost this machine nothing more; resolves with what closes them. */
export const openUnwatched = (stage: Stage): Promise<() => void> => openAll(stage, null);

/** Every agent's event stream. */
export async function openStreams(stage: Stage): Promise<Streams> {
  const come = new Map<string, StreamEvent>();
  const waiting = new Map<string, (event: StreamEvent) => void>();
  const told = (event: StreamEvent): void => {
    const name = nameOf(event);
    if (!name || come.has(name)) return;
    come.set(name, event);
    waiting.get(name)?.(event);
  };
  const close = await openAll(stage, told);
  return {
    close,
    first: (type, of) => {
      const name = `${type} ${of}`;
      const event = come.get(name);
      return event ? Promise.resolve(event) : new Promise((resolve) => waiting.set(name, resolve));
    },
  };
}

export interface Followed {
  /** Was this event told, under its type and a phone (digits)? */
  told(name: string): boolean;
  cuts(): number;
  close(): void;
}

const AGAIN_MS = 500;

/** Every agent's event stream, resumed where it was cut, as a browser does. */
export async function followStreams(stage: Stage): Promise<Followed> {
  const come = new Set<string>();
  let [cuts, over] = [0, false];
  const closers = new Map<string, () => void>();
  const follow = async (cookie: string, from?: string): Promise<void> => {
    let lastId = from;
    const told = (event: StreamEvent): void => {
      lastId = event.id ?? lastId;
      come.add(nameOf(event) ?? '');
    };
    const ended = (): void => {
      if (over) return;
      cuts += 1;
      again();
    };
    const again = (): void => {
      setTimeout(() => {
        if (!over) follow(cookie, lastId).catch(again);
      }, AGAIN_MS);
    };
    closers.set(cookie, await openStream(stage.url, cookie, told, { lastId, ended }));
  };
  await Promise.all(stage.agents.map(({ cookie }) => follow(cookie)));
  return {
    told: (name) => come.has(name),
    cuts: () => cuts,
    close() {
      over = true;
      closers.forEach((close) => close());
    },
  };
}
