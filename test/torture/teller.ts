import { setTimeout as delay } from 'node:timers/promises';
import type { CallbackCall } from '../../run/demo-pbx/callback.ts';
import type { DemoPbx } from '../../run/demo-pbx/pbx.ts';
import type { TransferableCall } from '../../run/demo-pbx/transfers.ts';
import type { RecordingPlan } from '../../run/demo-pbx/facts.ts';
import type { OrderRecord, TicketRecord } from './checker/evidence.ts';
import type { Person } from './client.ts';
import type { Act, Desk } from './desk.ts';
import type { Dice } from './random.ts';
import { CALLERS, DESKS } from './staff.ts';

/** What all stories of a campaign share. */
export interface Scene {
  readonly pbx: DemoPbx;
  readonly desks: ReadonlyMap<string, Desk>;
  readonly admin: Person;
  readonly orders: OrderRecord[];
  /** The PBX's call for one of our commands, as soon as it rings; undefined if none comes in time. */
  callbackFor(commandId: string, patienceMs: number): Promise<CallbackCall | undefined>;
  borrowCaller(): Promise<{ readonly desk: Desk; giveBack(): void }>;
}

/** For the tickets of what has been told. */
const PATIENCE_MS = 600_000;

export class Trouble extends Error {
  override readonly name = 'Trouble';
}

/** One customer's story: what the PBX does and what agents do, in order. */
export class Teller {
  readonly entryIds: string[] = [];
  /** Conversations that tickets of this customer must hold by now. */
  marks = 0;
  /** The longest that these were waited for, in ms. */
  longestWaitMs = 0;

  constructor(
    readonly scene: Scene,
    readonly dice: Dice,
    /** E.164; null: the caller hides it. */
    readonly phone: string | null,
    readonly name: string,
  ) {}

  incoming(): ReturnType<DemoPbx['incoming']> {
    return this.#known(
      this.scene.pbx.incoming({ from: this.phone, record: this.plan(), line: this.dice.one(this.scene.pbx.account.lines) }),
    );
  }

  softphone(extension: string): ReturnType<DemoPbx['outgoing']> {
    return this.#known(this.scene.pbx.outgoing({ from: extension, to: this.phone ?? '', record: this.plan() }));
  }

  internal(from: string, to: string): ReturnType<DemoPbx['internal']> {
    return this.#known(this.scene.pbx.internal({ from, to, record: 'none' }));
  }

  /** What becomes of the recordings of this call. */
  plan(): RecordingPlan {
    return this.dice.weighted<RecordingPlan>([
      [78, 'stored'],
      [6, 'none'],
      [3, 'too_short'],
      [3, 'no_quota'],
      [2, 'mail'],
      [6, 'unannounced'],
      [2, 'never_completed'],
    ]);
  }

  pick(count: number): string[] {
    return this.dice.some(DESKS, count);
  }

  desk(extension: string): Desk {
    const desk = this.scene.desks.get(extension);
    if (!desk) throw new Error(`Nobody sits at ${extension}`);
    return desk;
  }

  /** Life between two events of the PBX. */
  async pause(longestMs = 700): Promise<void> {
    await delay(this.dice.between(20, longestMs));
  }

  text(what: string): string {
    return `${what} ${this.name}.${this.entryIds.length}.${this.dice.between(1000, 9999)}`;
  }

  /** Whether anything is done, what, and whether the talk waits for it: drawn beforehand, so that a replay draws the same. */
  drawAct(also: readonly (readonly [number, Drawn['kind']])[] = []): Drawn {
    const kind = this.dice.weighted<Drawn['kind']>([[30, 'nothing'], [25, 'create'], [14, 'draft'], [9, 'two tabs'], ...also]);
    return {
      kind,
      waits: this.dice.chance(0.8),
      subject: this.text('Тема'),
      gist: this.text('Суть'),
      other: this.text('Другая'),
    };
  }

  /** The agent sees the card and does what was drawn. */
  async act(call: TransferableCall, extension: string, drawn: Drawn): Promise<void> {
    if (drawn.kind === 'nothing') return;
    const desk = this.desk(extension);
    const seen = await desk.sees(this.phone, 'talking', 60_000, {
      still: () => drawn.waits || !call.isOver,
      entryId: call.id,
    });
    if (!seen?.conversationId) return;
    const { subject, gist } = drawn;
    const deed = (act: Act): Promise<unknown> => desk.act(call.id, seen, act);
    switch (drawn.kind) {
      case 'create':
        return void (await deed({ type: 'create_ticket', subject, gist }));
      case 'draft':
        return void (await deed({ type: 'save_draft', subject, gist }));
      case 'late create':
        await untilOver(call);
        await this.pause();
        return void (await deed({ type: 'create_ticket', subject, gist }));
      case 'two tabs':
        return void (await Promise.all([
          deed({ type: 'create_ticket', subject, gist }),
          deed({ type: 'create_ticket', subject: drawn.other, gist }),
        ]));
      case 'link': {
        const ticket = (await this.tickets()).filter(({ kind }) => kind === 'missed').at(-1);
        if (ticket) await deed({ type: 'link_ticket', gist, ticketId: ticket.id });
      }
    }
  }

  /** The customer's tickets, oldest first, whole. */
  async tickets(): Promise<TicketRecord[]> {
    const digits = (this.phone ?? '').slice(1);
    const { items } = await this.scene.admin.get<{ items: TicketRecord[] }>(`/api/tickets?q=${digits}&sort=number&pageSize=50`);
    const own = items.filter(({ phone }) => phone === this.phone);
    return Promise.all(own.map(({ id }) => this.scene.admin.get<TicketRecord>(`/api/tickets/${id}`)));
  }

  /** Until everything told so far stands in tickets: what comes next builds on it. Late is told apart from lost: the table says how late. */
  async settled(): Promise<TicketRecord[]> {
    const since = Date.now();
    for (;;) {
      const tickets = await this.tickets();
      const talks = tickets.flatMap(({ messages }) => messages.flatMap(({ conversation }) => conversation ?? []));
      const waitedMs = Date.now() - since;
      this.longestWaitMs = Math.max(this.longestWaitMs, waitedMs);
      if (talks.length >= this.marks && talks.every(({ outcome }) => outcome !== 'in_progress')) return tickets;
      if (waitedMs > PATIENCE_MS)
        throw new Trouble(
          `${talks.length} of ${this.marks} conversations stand in tickets after ${PATIENCE_MS / 60_000} minutes`,
        );
      await delay(700);
    }
  }

  #known<C extends TransferableCall>(call: C): C {
    this.entryIds.push(call.id);
    return call;
  }

  /** A call that began elsewhere: a callback. */
  joined(call: CallbackCall): void {
    this.entryIds.push(call.id);
  }
}

export interface Drawn {
  readonly kind: 'nothing' | 'create' | 'draft' | 'two tabs' | 'late create' | 'link';
  readonly waits: boolean;
  readonly subject: string;
  readonly gist: string;
  readonly other: string;
}

export async function untilOver(call: TransferableCall): Promise<void> {
  while (!call.isOver) await delay(50);
}

/** Callers are lent out one by one. */
export function lender(desks: ReadonlyMap<string, Desk>): Scene['borrowCaller'] {
  const free = CALLERS.flatMap((extension) => desks.get(extension) ?? []);
  const waiting: ((desk: Desk) => void)[] = [];
  return async () => {
    const desk = free.shift() ?? (await new Promise<Desk>((resolve) => waiting.push(resolve)));
    return {
      desk,
      giveBack() {
        const next = waiting.shift();
        if (next) next(desk);
        else free.push(desk);
      },
    };
  };
}
