import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from './api.ts';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** A browser's EventSource, as far as HTTP goes: it remembers the last id and everything it was told. */
export class EventStream {
  readonly events: ReceivedEvent[] = [];
  readonly comments: string[] = [];
  lastId = '';
  ended = false;
  retry = '';

  private constructor(
    readonly status: number,
    readonly response: IncomingMessage,
    private readonly outgoing: ClientRequest,
  ) {
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.take(block);
    });
    response.on('close', () => (this.ended = true));
  }

  static open(caller: Caller, lastEventId?: string, origin = caller.origin): Promise<EventStream> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...(caller.cookie === null ? {} : { cookie: caller.cookie }),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      };
      const outgoing = request(`${origin}/api/events`, { headers, agent: false });
      outgoing.on('response', (response) => resolve(new EventStream(response.statusCode ?? 0, response, outgoing)));
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  private take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments.push(line.slice(1).trim());
      else fields.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim());
    }
    this.lastId = fields.get('id') ?? this.lastId;
    this.retry = fields.get('retry') ?? this.retry;
    const data = fields.get('data');
    const type = fields.get('event') ?? 'message';
    if (data !== undefined) this.events.push({ id: this.lastId, type, data: JSON.parse(data) as Record<string, unknown> });
  }

  ofType = (type: string): ReceivedEvent[] => this.events.filter((event) => event.type === type);

  /** Waits until `enough`; says what there was if it takes too long. */
  async until(enough: (stream: this) => boolean, withinMs = 10_000): Promise<this> {
    const deadline = Date.now() + withinMs;
    while (!enough(this)) {
      if (Date.now() > deadline) throw new Error(`The stream told only ${JSON.stringify(this.events)} (ended: ${this.ended})`);
      await delay(5);
    }
    return this;
  }

  close(): void {
    this.outgoing.destroy();
  }
}
