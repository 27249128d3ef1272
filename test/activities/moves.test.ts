import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inTransaction } from '../../db/pool.ts';
import { announce, settleRecording } from '../../db/recordings.ts';
import { changeTicket, createTicket, lockTicket, addMessage, type TicketChange, type TicketRow } from '../../db/tickets.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
let phone: string;
let counter = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
});
afterAll(() => database.drop());
beforeEach(() => {
  counter += 1;
  phone = `+7926${String(1_000_000 + counter)}`;
});

const ticket = async (id: string) => (await database.db('tickets').where({ id }).first()) as TicketRow;
const messagesOf = (ticketId: string) =>
  database
    .db('messages')
    .where({ ticket_id: ticketId })
    .orderBy('id')
    .select('type', 'body', 'code', 'conversation_id', 'author_id', 'params') as Promise<Record<string, unknown>[]>;
const ticketIdOf = async (call: CallRunner, ordinal: number | 'm' = 1) =>
  (
    (await database
      .db('conversations')
      .where({ id: `${call.callId}.${ordinal}` })
      .first('ticket_id')) as { ticket_id: string }
  ).ticket_id;
const recordOf = (ticketId: string, type: string) =>
  database.db('ticket_events').where({ ticket_id: ticketId, type }).orderBy('id') as Promise<Record<string, unknown>[]>;

/** A call that Anna answered and talks in. */
async function answered(part: { phone?: string | null; by?: string } = {}): Promise<CallRunner> {
  const call = await CallRunner.start(database.db, cast.integrationId, { phone: part.phone === undefined ? phone : part.phone });
  await call.send(call.leg('A', 'appeared', { to: agent(part.by ?? cast.anna) }));
  await call.pass(3_000);
  await call.send(call.leg('A', 'connected'));
  await call.pass(30_000);
  return call;
}
async function ends(call: CallRunner): Promise<CallRunner> {
  await call.send(call.leg('A', 'disconnected'), call.summary({ talkedAt: call.now - 1000 }));
  await call.pass(2_500);
  return call;
}
const ended = async (part: { phone?: string | null; by?: string } = {}) => ends(await answered(part));
/** Dials by softphone and is not answered. */
async function attempted(): Promise<CallRunner> {
  const call = await CallRunner.start(database.db, cast.integrationId, { phone });
  await call.send(call.leg('A', 'appeared', { from: agent(cast.anna), to: { kind: 'outside', number: 1 } }));
  await call.pass(20_000);
  await call.send(call.leg('A', 'disconnected'), call.summary({ direction: 'outgoing', from: agent(cast.anna) }));
  await call.pass(2_500);
  return call;
}
async function missed(): Promise<CallRunner> {
  const call = await CallRunner.start(database.db, cast.integrationId, { phone });
  await call.send(call.leg('M', 'appeared', { to: agent(cast.boris) }));
  await call.pass(20_000);
  await call.send(call.leg('M', 'disconnected'), call.summary());
  await call.pass(2_500);
  return call;
}
async function recorded(call: CallRunner): Promise<void> {
  await inTransaction(database.db, async (trx) => {
    const conversationId = call.conversationId();
    const { id } = await announce(trx, { callId: call.callId, conversationId, recordingId: randomUUID() });
    await settleRecording(trx, { id, state: 'ready', contentType: 'audio/mpeg', bytes: 1, durationSeconds: 30, sha256: 'ab' });
  });
}
const move = (call: CallRunner, ticketId: string | null, text: { subject?: string } = {}, by = cast.boris) =>
  call.act(by, { action: 'move_call', conversationId: call.conversationId(), ticketId }, text);
const byHand = (ticketId: string, change: TicketChange) =>
  inTransaction(database.db, async (trx) =>
    changeTicket(trx, (await lockTicket(trx, ticketId)) as TicketRow, change, { actor: { type: 'agent', id: cast.vera } }),
  );
/** A ticket that is there already, of this customer, made by hand. */
async function earlier(status: 'open' | 'pending' | 'closed', change: Partial<Parameters<typeof createTicket>[1]> = {}) {
  const known = (await database.db('customer_phones').where({ phone }).first('customer_id')) as
    { customer_id: string } | undefined;
  return inTransaction(database.db, (trx) =>
    createTicket(
      trx,
      {
        subject: 'Прежнее',
        status,
        channel: 'call',
        kind: 'incoming',
        phone,
        customerId: known?.customer_id ?? null,
        assigneeId: cast.vera,
        automatic: false,
        ...change,
      },
      { actor: { type: 'agent', id: cast.vera } },
    ),
  );
}

describe('during the talk', () => {
  test('S2b, S15: a linked call moves on; the first ticket is as before, the second open, and pending at the end', async () => {
    await ended();
    const [wrong, right] = [await earlier('closed'), await earlier('closed')];
    const call = await answered();
    await call.act(
      cast.anna,
      { action: 'link_ticket', conversationId: call.conversationId(), ticketId: wrong.id },
      { gist: 'Суть' },
    );
    expect(await ticket(wrong.id)).toMatchObject({ status: 'open' });
    expect(await move(call, right.id)).toMatchObject({ state: 'done', ticket_id: right.id });
    expect(await ticket(wrong.id)).toMatchObject({ status: 'closed' });
    expect(await ticket(right.id)).toMatchObject({ status: 'open' });
    expect(await messagesOf(wrong.id)).toMatchObject([
      { type: 'system', code: 'call_moved_to', author_id: cast.boris, params: { ticketId: right.id, number: right.number } },
    ]);
    expect(await messagesOf(right.id)).toMatchObject([
      { type: 'reply', body: 'Суть', conversation_id: call.conversationId(), author_id: cast.anna },
      { type: 'system', code: 'call_moved_from', author_id: cast.boris, params: { ticketId: wrong.id, number: wrong.number } },
    ]);
    await ends(call);
    expect(await ticket(wrong.id)).toMatchObject({ status: 'closed' });
    expect(await ticket(right.id)).toMatchObject({ status: 'pending', status_rule: 'S15' });
  });

  test('S2a: a ticket made for the call goes into an earlier one and is closed', async () => {
    await ended();
    const right = await earlier('pending', { assigneeId: null });
    const call = await answered();
    const made = await call.act(cast.anna, { action: 'create_ticket', conversationId: call.conversationId() }, { gist: 'Суть' });
    await move(call, right.id);
    expect(await ticket(made.ticket_id ?? '')).toMatchObject({ status: 'closed' });
    expect(await ticket(right.id)).toMatchObject({ status: 'open', assignee_id: cast.anna });
    await ends(call);
    expect(await ticket(made.ticket_id ?? '')).toMatchObject({ status: 'closed' });
    expect(await ticket(right.id)).toMatchObject({ status: 'pending' });
  });

  test('out into a new ticket, which is open now and pending at the end', async () => {
    await ended();
    const wrong = await earlier('pending');
    const call = await answered();
    await call.act(cast.anna, { action: 'link_ticket', conversationId: call.conversationId(), ticketId: wrong.id });
    const moved = await move(call, null, { subject: ' Другое ' });
    expect(await ticket(moved.ticket_id ?? '')).toMatchObject({
      subject: 'Другое',
      status: 'open',
      kind: 'incoming',
      customer_id: wrong.customer_id,
      assignee_id: cast.anna,
      automatic: false,
    });
    expect(await ticket(wrong.id)).toMatchObject({ status: 'pending' });
    await ends(call);
    expect(await ticket(moved.ticket_id ?? '')).toMatchObject({ status: 'pending' });
    expect(await ticketIdOf(call)).toBe(moved.ticket_id);
  });
});

describe('after the end', () => {
  test('S15: the automatic ticket is emptied and closed; with a note in it, it stays as it was', async () => {
    const [plain, noted] = [await ended(), await ended()];
    const right = await earlier('closed');
    const automatic = [await ticketIdOf(plain), await ticketIdOf(noted)] as const;
    await inTransaction(database.db, async (trx) =>
      addMessage(
        trx,
        (await lockTicket(trx, automatic[1])) as TicketRow,
        { type: 'note', author: { type: 'agent', id: cast.vera }, body: 'Важно' },
        { actor: { type: 'agent', id: cast.vera } },
      ),
    );
    for (const call of [plain, noted]) expect(await move(call, right.id)).toMatchObject({ state: 'done' });
    expect(await ticket(automatic[0])).toMatchObject({ status: 'closed' });
    expect(await ticket(automatic[1])).toMatchObject({ status: 'open' });
    expect(await ticket(right.id)).toMatchObject({ status: 'pending' });
    expect(await recordOf(right.id, 'reopened')).toHaveLength(1);
  });

  test('what a person chose since stands', async () => {
    const first = await ended();
    const wrong = await earlier('open');
    const right = await earlier('open');
    await first.act(cast.anna, { action: 'link_ticket', conversationId: first.conversationId(), ticketId: wrong.id });
    await byHand(wrong.id, { status: 'closed' });
    await move(first, right.id);
    expect(await ticket(wrong.id)).toMatchObject({ status: 'closed', status_rule: 'hand' });
  });

  test('S13, S18б: into the missed-call ticket turns its handset green; out of it red again, and open as it was', async () => {
    const missedTicket = await ticketIdOf(await missed(), 'm');
    const call = await ended();
    const own = await ticketIdOf(call);
    await recorded(call);
    await move(call, missedTicket);
    expect(await ticket(missedTicket)).toMatchObject({ handset: 'green', status: 'pending', status_rule: 'S18б' });
    await move(call, null);
    expect(await ticket(missedTicket)).toMatchObject({ handset: 'red', status: 'open', missed_count: 1 });
    // Back again: the recording is known there already, and counts all the same.
    await move(call, missedTicket);
    expect(await ticket(missedTicket)).toMatchObject({ handset: 'green', status: 'pending' });
    expect(await ticket(own)).toMatchObject({ status: 'closed' });
    expect(await recordOf(missedTicket, 'recording')).toHaveLength(1);
    // S12: somebody has talked to the customer since, wherever the talk stands.
    const again = await ticketIdOf(await missed(), 'm');
    expect(again).not.toBe(missedTicket);
  });

  test('S13: a recording that comes after the move turns the handset of the ticket it stands in', async () => {
    const missedTicket = await ticketIdOf(await missed(), 'm');
    const call = await ended();
    await move(call, missedTicket);
    expect(await ticket(missedTicket)).toMatchObject({ handset: 'red' });
    await recorded(call);
    expect(await ticket(missedTicket)).toMatchObject({ handset: 'green' });
  });

  test('S17: an attempt moves and changes no status; out into a new ticket it is closed, as S10', async () => {
    await ended();
    const right = await earlier('open');
    const call = await attempted();
    const own = await ticketIdOf(call);
    expect(await ticket(own)).toMatchObject({ status: 'closed', kind: 'outgoing' });
    await move(call, right.id);
    expect(await ticket(right.id)).toMatchObject({ status: 'open' });
    const out = await move(call, null);
    expect(await ticket(out.ticket_id ?? '')).toMatchObject({ status: 'closed', kind: 'outgoing' });
    expect(await ticket(right.id)).toMatchObject({ status: 'open' });
  });
});

describe('what is refused', () => {
  test('missed calls, unknown conversations, the same ticket, other customers, erased ones', async () => {
    const missedCall = await missed();
    const call = await ended();
    const own = await ticketIdOf(call);
    const act = (conversationId: string, ticketId: string | null) =>
      call.act(cast.boris, { action: 'move_call', conversationId, ticketId });
    expect(
      await missedCall.act(cast.boris, { action: 'move_call', conversationId: `${missedCall.callId}.m`, ticketId: null }),
    ).toMatchObject({
      state: 'refused',
      code: 'missed_call',
    });
    expect(await act('nobody', own)).toMatchObject({ code: 'no_conversation' });
    expect(await act(call.conversationId(), own)).toMatchObject({ code: 'same_ticket' });
    expect(await act(call.conversationId(), '999999999')).toMatchObject({ code: 'ticket_not_found' });
    phone = `+7927${String(1_000_000 + counter)}`;
    const foreign = await ticketIdOf(await ended());
    expect(await act(call.conversationId(), foreign)).toMatchObject({ code: 'other_customer' });
    await database
      .db('customers')
      .where({ id: (await ticket(own)).customer_id })
      .update({ erased_at: new Date() });
    expect(await act(call.conversationId(), null)).toMatchObject({ code: 'customer_erased' });
    expect(await ticketIdOf(call)).toBe(own);
    expect(await database.db('ticket_events').where({ ticket_id: own }).whereIn('type', ['linked', 'unlinked'])).toEqual([]);
  });

  test('a talk without a ticket, and tickets that are not theirs to see', async () => {
    const call = await answered();
    expect(await move(call, null)).toMatchObject({ code: 'no_ticket' });
    await ends(call);
    const right = await earlier('open');
    await database.db('agents').where({ id: cast.boris }).update({ access: 'own' });
    expect(await move(call, null)).toMatchObject({ code: 'ticket_not_found' });
    await byHand(await ticketIdOf(call), { assigneeId: null });
    expect(await move(call, right.id)).toMatchObject({ code: 'ticket_not_found' });
    expect(await move(call, null)).toMatchObject({ state: 'done' });
    await database.db('agents').where({ id: cast.boris }).update({ access: 'all' });
  });

  test('the same action twice moves once', async () => {
    const call = await ended();
    const right = await earlier('open');
    const action = { action: 'move_call' as const, actionId: 'once', conversationId: call.conversationId(), ticketId: right.id };
    await call.act(cast.boris, action);
    await call.act(cast.boris, action);
    expect(await recordOf(right.id, 'linked')).toMatchObject([{ is_work: true, actor_id: cast.boris }]);
    expect((await messagesOf(right.id)).filter(({ code }) => code === 'call_moved_from')).toHaveLength(1);
  });
});

test('one number, two customers: moving the call to a ticket of one of them makes it that one’s', async () => {
  const [one, two] = (await database
    .db('customers')
    .insert([{ full_name: 'Один' }, { full_name: 'Два' }])
    .returning('id')) as { id: string }[];
  for (const owner of [one, two]) await database.db('customer_phones').insert({ customer_id: owner?.id, phone });
  const call = await ended();
  const right = await earlier('open', { customerId: two?.id ?? null });
  expect(await move(call, right.id)).toMatchObject({ state: 'done' });
  expect(await database.db('calls').where({ id: call.callId }).first('customer_id')).toEqual({ customer_id: two?.id });
});

test(
  'whatever agents do in whatever order, each conversation has exactly one ticket, in which its one message stands',
  { timeout: 240_000 },
  async () => {
    const step = fc.record({
      does: fc.constantFrom('create', 'link', 'move', 'move', 'move', 'move out', 'draft', 'end', 'wait'),
      to: fc.nat(2),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
        counter += 1;
        phone = `+7928${String(1_000_000 + counter)}`;
        const other = await ended();
        const tickets = [await earlier('open'), await earlier('closed'), await earlier('pending', { assigneeId: null })];
        const call = await answered();
        const conversationId = call.conversationId();
        let going = true;
        for (const { does, to } of steps) {
          const ticketId = tickets[to]?.id ?? null;
          if (does === 'create') await call.act(cast.anna, { action: 'create_ticket', conversationId });
          if (does === 'link') await call.act(cast.anna, { action: 'link_ticket', conversationId, ticketId });
          if (does === 'move') await call.act(cast.boris, { action: 'move_call', conversationId, ticketId });
          if (does === 'move out') await call.act(cast.boris, { action: 'move_call', conversationId, ticketId: null });
          if (does === 'draft') await call.act(cast.anna, { action: 'save_draft', conversationId }, { gist: `${to}` });
          if (does === 'wait') await call.pass(1_000);
          if (does === 'end' && going) await ends(call);
          if (does === 'end') going = false;
        }
        if (going) await ends(call);
        for (const one of [call, other]) {
          const talks = await database.db('conversations').where({ call_id: one.callId }).select('id', 'ticket_id', 'outcome');
          const messages = await database.db('messages').where({ conversation_id: one.conversationId() }).select('ticket_id');
          expect(talks).toMatchObject([{ id: one.conversationId(), outcome: 'talked' }]);
          expect(messages).toEqual([{ ticket_id: talks[0].ticket_id }]);
        }
        const [inTicket] = await database
          .db('tickets')
          .whereIn('id', database.db('conversations').where({ id: conversationId }).select('ticket_id'))
          .select('status');
        expect(['open', 'pending']).toContain(inTicket.status);
      }),
      { numRuns: 25 },
    );
  },
);
