import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction } from '../../db/pool.ts';
import { changeTicket, lockTicket } from '../../db/tickets.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;

beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
});
afterAll(() => database.drop());

/** What one customer's telephone life consists of, as far as missed-call tickets are concerned. */
type Act =
  | { readonly kind: 'missed'; readonly line: Line; readonly by: number; readonly summary: boolean }
  | { readonly kind: 'talk'; readonly direction: 'in' | 'out'; readonly line: Line; readonly then: 'nothing' | 'create' | 'link' }
  | { readonly kind: 'transfer missed'; readonly line: Line }
  | { readonly kind: 'attempt'; readonly line: Line }
  | { readonly kind: 'by hand'; readonly status: 'open' | 'pending' | 'closed' }
  /** Missed, and answered on the next try before the missed one is settled: its summary was lost. */
  | { readonly kind: 'overtaken'; readonly line: Line };
/** The customer's first number, the second, or none shown. */
type Line = 'first' | 'second' | 'hidden';

const line = fc.constantFrom<Line>('first', 'second', 'first', 'second', 'hidden');
const ownLine = fc.constantFrom<Line>('first', 'second');
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('missed' as const), line, by: fc.nat(2), summary: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('talk' as const),
      direction: fc.constantFrom('in' as const, 'out' as const),
      line: ownLine,
      then: fc.constantFrom('nothing' as const, 'create' as const, 'link' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('transfer missed' as const), line: ownLine }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('attempt' as const), line: ownLine }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('by hand' as const), status: fc.constantFrom('open', 'pending', 'closed') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('overtaken' as const), line: ownLine }) },
);

interface Told {
  readonly kind: 'missed' | 'incoming' | 'outgoing';
  status: 'open' | 'pending' | 'closed';
  missed: number;
}

/** The specification's view (S10, S11, S12, S15–S19), as tickets of one customer and of the hidden callers. */
class Oracle {
  readonly tickets: Told[] = [];
  private group: Told | null = null;

  apply(act: Act): void {
    switch (act.kind) {
      case 'missed':
        return this.missed(act.line === 'hidden');
      case 'talk':
        return this.talk(act.direction, act.then);
      case 'transfer missed':
        this.group = null;
        this.tickets.push({ kind: 'incoming', status: 'closed', missed: 0 });
        return this.missed(false);
      case 'attempt':
        if (!this.openMissed.length) this.tickets.push({ kind: 'outgoing', status: 'closed', missed: 0 });
        return;
      case 'by hand':
        if (this.ofCustomer.at(-1)) (this.ofCustomer.at(-1) as Told).status = act.status;
        return;
      case 'overtaken':
        this.missed(false);
        this.group = null;
        // The talk that overtook it ends last.
        this.tickets.push({ kind: 'incoming', status: 'open', missed: 0 });
    }
  }

  private get ofCustomer(): Told[] {
    return this.tickets.filter((ticket) => ticket.kind === 'missed' && !this.hidden.has(ticket));
  }

  private get openMissed(): Told[] {
    return this.ofCustomer.filter((ticket) => ticket.status === 'open');
  }

  private readonly hidden = new Set<Told>();

  private missed(isHidden: boolean): void {
    if (this.group && !isHidden) {
      this.group.missed += 1;
      this.group.status = 'open';
      return;
    }
    const made: Told = { kind: 'missed', status: 'open', missed: 1 };
    this.tickets.push(made);
    if (isHidden) this.hidden.add(made);
    else this.group = made;
  }

  private talk(direction: 'in' | 'out', then: 'nothing' | 'create' | 'link'): void {
    this.group = null;
    const kind = direction === 'in' ? 'incoming' : 'outgoing';
    const target = this.ofCustomer.at(-1);
    if (then === 'link' && target) target.status = 'pending';
    else if (then === 'create') {
      for (const ticket of this.openMissed) ticket.status = 'closed';
      this.tickets.push({ kind, status: 'pending', missed: 0 });
    } else this.tickets.push({ kind, status: direction === 'in' ? 'open' : 'closed', missed: 0 });
  }
}

let customers = 0;

/** The same with the real steps on Postgres. */
class World {
  private constructor(
    private readonly phones: Readonly<Record<Line, string | null>>,
    private readonly customerId: string,
  ) {}

  static async create(): Promise<World> {
    customers += 1;
    const first = `+7916${String(1_000_000 + customers)}`;
    const second = `+7495${String(1_000_000 + customers)}`;
    const [row] = (await database.db('customers').insert({ full_name: 'Ирина' }).returning('id')) as { id: string }[];
    if (!row) throw new Error('The customer was not stored');
    for (const phone of [first, second]) await database.db('customer_phones').insert({ customer_id: row.id, phone });
    return new World({ first, second, hidden: null }, row.id);
  }

  /** Tickets of the customer, and of the hidden callers of this world, in the order in which they were made. */
  async tickets(): Promise<Told[]> {
    const rows = (await database
      .db('tickets')
      .where({ customer_id: this.customerId })
      .orWhereIn('id', this.hiddenTickets)
      .orderBy('id')
      .select('kind', 'status', 'missed_count')) as { kind: Told['kind']; status: Told['status']; missed_count: number }[];
    return rows.map(({ kind, status, missed_count }) => ({ kind, status, missed: missed_count }));
  }

  private readonly hiddenTickets: string[] = [];

  async play(act: Act): Promise<void> {
    switch (act.kind) {
      case 'missed':
        return this.missed(act.line, [cast.anna, cast.boris, cast.vera].slice(0, act.by + 1), act.summary);
      case 'talk':
        return this.talk(act.line, act.direction, act.then);
      case 'transfer missed':
        return this.transferMissed(act.line);
      case 'attempt':
        return this.attempt(act.line);
      case 'by hand':
        return this.byHand(act.status);
      case 'overtaken':
        return this.overtaken(act.line);
    }
  }

  private start(from: Line): Promise<CallRunner> {
    return CallRunner.start(database.db, cast.integrationId, { phone: this.phones[from] });
  }

  private async missed(from: Line, agents: readonly string[], summary: boolean): Promise<void> {
    const call = await this.start(from);
    const party = { kind: 'outside', number: from === 'hidden' ? null : 1 } as const;
    for (const id of agents) await call.send(call.leg(`L${id}`, 'appeared', { from: party, to: agent(id) }));
    await call.pass(20_000);
    for (const id of agents) await call.send(call.leg(`L${id}`, 'disconnected'));
    if (summary) await call.send(call.summary({ from: party }));
    await call.pass(35_000);
    if (from !== 'hidden') return;
    const rows = (await database.db('conversations').where({ call_id: call.callId }).select('ticket_id')) as {
      ticket_id: string;
    }[];
    this.hiddenTickets.push(...rows.map((row) => row.ticket_id));
  }

  private async talk(from: Line, direction: 'in' | 'out', then: 'nothing' | 'create' | 'link'): Promise<void> {
    const call = await this.start(from);
    const customer = { kind: 'outside', number: 1 } as const;
    const [caller, called] = direction === 'in' ? [customer, agent(cast.anna)] : [agent(cast.anna), customer];
    await call.send(call.leg('A', 'appeared', { from: caller, to: called }));
    await call.pass(5_000);
    await call.send(call.leg('A', 'connected'));
    await call.pass(5_000);
    const conversationId = call.conversationId();
    const ticketId = await this.latestMissed();
    if (then === 'create') await call.act(cast.anna, { action: 'create_ticket', conversationId }, { subject: 'Заказ' });
    if (then === 'link' && ticketId) {
      const outcome = await call.act(cast.anna, { action: 'link_ticket', conversationId, ticketId }, { gist: 'Суть' });
      expect(outcome.state).toBe('done');
    }
    await call.pass(20_000);
    await call.send(call.leg('A', 'disconnected'));
    await call.send(
      call.summary({
        direction: direction === 'in' ? 'incoming' : 'outgoing',
        from: caller,
        to: called,
        talkedAt: call.now - 25_000,
      }),
    );
    await call.pass(5_000);
  }

  private async transferMissed(from: Line): Promise<void> {
    const call = await this.start(from);
    await call.send(call.leg('A', 'appeared', { to: agent(cast.anna) }), call.leg('A', 'connected'));
    await call.pass(10_000);
    await call.send(call.leg('A', 'disconnected'));
    await call.send(call.leg('B', 'appeared', { to: agent(cast.boris), takenFrom: 'A', transfer: 'blind' }));
    await call.pass(15_000);
    await call.send(call.leg('B', 'disconnected'), call.summary({ to: agent(cast.anna), talkedAt: call.now - 25_000 }));
    await call.pass(5_000);
  }

  private async attempt(to: Line): Promise<void> {
    const call = await this.start(to);
    const parties = { from: agent(cast.anna), to: { kind: 'outside', number: 1 } as const };
    await call.send(call.leg('A', 'appeared', parties));
    await call.pass(20_000);
    await call.send(call.leg('A', 'disconnected'), call.summary({ direction: 'outgoing', ...parties }));
    await call.pass(5_000);
  }

  private async overtaken(from: Line): Promise<void> {
    const first = await this.start(from);
    await first.send(first.leg('A', 'appeared', { to: agent(cast.anna) }));
    await first.pass(20_000);
    await first.send(first.leg('A', 'disconnected'));
    const second = await CallRunner.start(database.db, cast.integrationId, { phone: this.phones[from], at: first.now + 5_000 });
    await second.send(second.leg('A', 'appeared', { to: agent(cast.boris) }));
    await second.pass(5_000);
    await second.send(second.leg('A', 'connected'));
    await first.pass(35_000);
    await second.pass(40_000);
    await second.send(second.leg('A', 'disconnected'), second.summary({ to: agent(cast.boris), talkedAt: second.now - 40_000 }));
    await second.pass(5_000);
  }

  private async byHand(status: Told['status']): Promise<void> {
    const id = await this.latestMissed();
    if (!id) return;
    await inTransaction(database.db, async (trx) => {
      const ticket = await lockTicket(trx, id);
      if (ticket) await changeTicket(trx, ticket, { status }, { actor: { type: 'agent', id: cast.anna } });
    });
  }

  private async latestMissed(): Promise<string | undefined> {
    const row = (await database
      .db('tickets')
      .where({ customer_id: this.customerId, kind: 'missed' })
      .orderBy('id', 'desc')
      .first('id')) as { id: string } | undefined;
    return row?.id;
  }
}

describe('missed-call tickets of one customer', () => {
  test('S11 S12 S16 S17 S18: after any sequence of missed calls, talks, attempts and changes by hand they are those of the rules', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(acts, { minLength: 1, maxLength: 6 }), async (sequence) => {
        const world = await World.create();
        const oracle = new Oracle();
        for (const act of sequence) {
          await world.play(act);
          oracle.apply(act);
          expect(await world.tickets()).toEqual(oracle.tickets);
        }
      }),
      { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 25) },
    );
  }, 240_000);
});
