import { randomUUID } from 'node:crypto';
import { request, type ClientRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ActRecord, StreamRecord } from './checker/evidence.ts';
import { Person } from './client.ts';

/** What the list of live calls says, as far as it is needed here. */
export interface SeenCall {
  readonly callId: string;
  readonly conversationId: string | null;
  readonly state: string;
  readonly phone: string | null;
  readonly commandId: string | null;
}

export interface Act {
  readonly type: 'create_ticket' | 'link_ticket' | 'save_draft';
  readonly subject?: string;
  readonly gist: string;
  readonly ticketId?: string;
}

/** An agent at work: looks at the list of live calls, listens to the stream, acts. Everything done is noted down. */
export class Desk extends Person {
  readonly acts: ActRecord[] = [];
  readonly stream: StreamRecord;
  #calls: readonly SeenCall[] = [];
  #open = true;
  #listening: ClientRequest | undefined;
  #somethingCame: () => void = () => undefined;
  /** Cards of hidden callers look alike: who has taken one for theirs keeps it. */
  readonly #taken = new Map<string, string>();

  constructor(
    url: string,
    email: string,
    password: string,
    readonly extension: string,
  ) {
    super(url, email, password);
    this.stream = { extension, events: [], cuts: 0 };
  }

  begin(): void {
    void this.#look();
    void this.#listen();
  }

  end(): void {
    this.#open = false;
    this.#listening?.destroy();
  }

  /** The card of this call, once it stands so; undefined if it does not come in time. `entryId`: whose card it shall be from now on. */
  async sees(
    phone: string | null,
    state: string,
    patienceMs: number,
    { still = () => true, entryId }: { readonly still?: () => boolean; readonly entryId?: string } = {},
  ): Promise<SeenCall | undefined> {
    const deadline = Date.now() + patienceMs;
    const isFree = ({ callId }: SeenCall): boolean => (this.#taken.get(callId) ?? entryId) === entryId;
    while (Date.now() < deadline && still()) {
      const found = this.#calls.find((call) => call.phone === phone && call.state === state && isFree(call));
      if (found && entryId !== undefined) this.#taken.set(found.callId, entryId);
      if (found) return found;
      await delay(50);
    }
    return undefined;
  }

  async act(entryId: string, call: SeenCall, act: Act): Promise<ActRecord> {
    const actionId = randomUUID();
    const at = Date.now();
    const { status, body, unknowns } = await this.ask('POST', `/api/calls/${call.callId}/actions`, {
      actionId,
      conversationId: call.conversationId,
      ...act,
    });
    const record: ActRecord = {
      entryId,
      extension: this.extension,
      callId: call.callId,
      actionId,
      type: act.type,
      subject: act.subject ?? '',
      gist: act.gist,
      ticketId: act.ticketId ?? null,
      at,
      status,
      problem: status === 202 ? null : JSON.stringify(body),
      unknowns,
      outcome: null,
    };
    this.acts.push(record);
    return record;
  }

  /** When the stream brings something, as browsers do; and now and then without, as it may have broken off. */
  async #look(): Promise<void> {
    while (this.#open) {
      const came = new Promise<void>((resolve) => (this.#somethingCame = resolve));
      const answer = await this.send('GET', '/api/calls?state=active', undefined, 5_000);
      if (answer?.status === 200) this.#calls = (answer.body as { items: SeenCall[] }).items;
      await delay(100);
      await Promise.race([came, delay(2_000)]);
    }
  }

  /** The event stream, resumed where it broke off, as browsers do. */
  async #listen(): Promise<void> {
    let lastId: string | undefined;
    while (this.#open) {
      await this.#listenOnce(lastId, (id) => (lastId = id)).catch(() => undefined);
      this.stream.cuts += 1;
      await delay(300);
    }
  }

  #listenOnce(lastId: string | undefined, remember: (id: string) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = { cookie: this.cookie, ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
      const outgoing = request(`${this.url}/api/events`, { headers, agent: false });
      this.#listening = outgoing;
      // Signs of life come every 15 seconds or so: a stream that says nothing for longer is a dead one.
      outgoing.setTimeout(45_000, () => outgoing.destroy());
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        let rest = '';
        response.setEncoding('utf8');
        response.on('error', reject);
        response.on('close', resolve);
        if (response.statusCode !== 200) return void response.resume();
        response.on('data', (chunk: string) => {
          const blocks = (rest + chunk).split('\n\n');
          rest = blocks.pop() ?? '';
          for (const block of blocks) this.#take(block, remember);
        });
      });
      outgoing.end();
    });
  }

  #take(block: string, remember: (id: string) => void): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const id = fields.get('id');
    if (id) remember(id);
    const [type, text] = [fields.get('event'), fields.get('data')];
    if (type === undefined || text === undefined) return;
    const data = JSON.parse(text) as Record<string, unknown>;
    const { callId, phone, state, ticketId, actionId } = data;
    this.stream.events.push({ id: id ?? '', type, callId, phone, state, ticketId, actionId } as StreamRecord['events'][number]);
    this.#somethingCame();
  }
}
