import { get, type Agent } from 'node:http';
import type { Stage } from './stage.ts';

export interface StreamEvent {
  readonly type: string;
  /** When its block was whole, in milliseconds of `performance.now()`. */
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Streams {
  /** The first event, come or to come, that is told under this name: its type and a phone (digits) or an action's id. */
  first(type: string, of: string): Promise<StreamEvent>;
  close(): void;
}

const nameOf = ({ type, data }: StreamEvent): string | null => {
  const of = typeof data['actionId'] === 'string' ? data['actionId'] : data['phone'];
  return typeof of === 'string' ? `${type} ${of.replace(/^\+/, '')}` : null;
};

/** One event stream as a browser reads it; `told` of each block as soon as it is whole. Resolves with what ends it, once it is open. */
export async function openStream(
  url: string,
  cookie: string,
  told: (event: StreamEvent) => void,
  connections?: Agent,
): Promise<() => void> {
  const note = (block: string, at: number): void => {
    const [, type] = /^event: (.+)$/m.exec(block) ?? [];
    const [, json] = /^data: (.+)$/m.exec(block) ?? [];
    if (type && json) told({ type, at, data: JSON.parse(json) as StreamEvent['data'] });
  };
  return new Promise((resolve, reject) => {
    const options = { headers: { cookie }, ...(connections ? { agent: connections } : {}) };
    const incoming = get(`${url}/api/events`, options, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`The stream was answered ${response.statusCode}`));
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const at = performance.now();
        const blocks = (rest + chunk).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) note(block, at);
      });
      resolve(() => incoming.destroy());
    });
    incoming.once('error', reject);
  });
}

/** Every agent's event stream. */
export async function openStreams(stage: Stage): Promise<Streams> {
  const come = new Map<string, StreamEvent>();
  const waiting = new Map<string, (event: StreamEvent) => void>();
  const closers: (() => void)[] = [];
  const told = (event: StreamEvent): void => {
    const name = nameOf(event);
    if (!name || come.has(name)) return;
    come.set(name, event);
    waiting.get(name)?.(event);
  };
  for (const { cookie } of stage.agents) closers.push(await openStream(stage.url, cookie, told));
  return {
    first: (type, of) => {
      const name = `${type} ${of}`;
      const event = come.get(name);
      return event ? Promise.resolve(event) : new Promise((resolve) => waiting.set(name, resolve));
    },
    close: () => closers.forEach((close) => close()),
  };
}
