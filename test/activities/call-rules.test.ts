import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noteCommand } from '../../db/call-commands.ts';
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
  phone = `+7916${String(1_000_000 + counter)}`;
});

const start = (options: { at?: number; phone?: string | null } = {}) =>
  CallRunner.start(database.db, cast.integrationId, { phone, ...options });

const ticketsOf = async (call: CallRunner) =>
  database
    .db('tickets')
    .whereIn('id', database.db('conversations').where({ call_id: call.callId }).select('ticket_id'))
    .orderBy('id')
    .select(
      'id',
      'subject',
      'status',
      'kind',
      'handset',
      'assignee_id',
      'customer_id',
      'missed_count',
      'automatic',
      'closed_at',
      'created_at',
    );
const ticket = async (id: string) => database.db('tickets').where({ id }).first();
const messagesOf = async (ticketId: string) =>
  database
    .db('messages')
    .where({ ticket_id: ticketId })
    .orderBy('id')
    .select('type', 'body', 'code', 'conversation_id', 'author_id', 'automatic');
const pretty = () => phone.replace(/^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/, '+7 $1 $2-$3-$4');

/** An incoming call that one agent answers; ends after `seconds`. */
async function answered(by: string, seconds = 60, options: { at?: number } = {}): Promise<CallRunner> {
  const call = await start(options);
  await call.send(call.leg('A', 'appeared', { to: agent(by) }));
  await call.pass(3_000);
  await call.send(call.leg('A', 'connected'));
  await call.pass(seconds * 1000);
  return call;
}

async function endsWithSummary(call: CallRunner, talked = true): Promise<void> {
  await call.send(call.leg('A', 'disconnected'), call.summary({ talkedAt: talked ? call.now - 1000 : null }));
  await call.pass(2_500);
}

async function missed(agents: string[], options: { at?: number; phone?: string | null } = {}): Promise<CallRunner> {
  const call = await start(options);
  for (const id of agents) await call.send(call.leg(`L${id}`, 'appeared', { to: agent(id) }));
  await call.pass(20_000);
  for (const id of agents) await call.send(call.leg(`L${id}`, 'disconnected'));
  await call.send(call.summary({ talkedAt: null }));
  await call.pass(2_500);
  return call;
}

describe('an incoming call', () => {
  test('S1: a ringing leg gives its agent, and nobody else, a card that goes when the ringing stops', async () => {
    const call = await start();
    await call.send(call.leg('A', 'appeared', { to: agent(cast.anna) }));
    const cards = await database.db('call_cards').where({ call_id: call.callId });
    expect(cards).toMatchObject([{ agent_id: cast.anna, state: 'ringing' }]);
    await call.send(call.leg('A', 'disconnected'));
    expect(await database.db('call_cards').where({ call_id: call.callId })).toEqual([]);
  });

  test('S2a: an agent who did nothing gets an open ticket with the standard subject and an empty message', async () => {
    const call = await answered(cast.anna);
    await endsWithSummary(call);
    const [made, ...others] = await ticketsOf(call);
    expect(others).toEqual([]);
    expect(made).toMatchObject({
      subject: `Входящий звонок с ${pretty()}`,
      status: 'open',
      kind: 'incoming',
      handset: 'green',
      assignee_id: cast.anna,
    });
    expect(await messagesOf(made.id)).toMatchObject([
      { type: 'reply', body: '', author_id: cast.anna, automatic: true, conversation_id: call.conversationId() },
    ]);
    expect(await database.db('recordings').where({ conversation_id: call.conversationId() }).first()).toMatchObject({
      state: 'pending',
    });
  });

  test('S2a and S15: a ticket made during the talk is there at once, open, and pending when the talk ends', async () => {
    const call = await answered(cast.anna);
    const outcome = await call.act(
      cast.anna,
      { action: 'create_ticket', conversationId: call.conversationId() },
      { subject: 'Заказ', gist: 'Не пришёл' },
    );
    expect(outcome.state).toBe('done');
    const id = outcome.ticket_id ?? '';
    expect(await ticket(id)).toMatchObject({ subject: 'Заказ', status: 'open' });
    await endsWithSummary(call);
    expect(await ticket(id)).toMatchObject({ status: 'pending', status_rule: 'S15' });
    expect(await messagesOf(id)).toMatchObject([{ body: 'Не пришёл' }]);
    expect(await ticketsOf(call)).toHaveLength(1);
  });

  test('S4: what was typed and not submitted becomes the ticket, pending', async () => {
    const call = await answered(cast.anna);
    await call.act(cast.anna, { action: 'save_draft', conversationId: call.conversationId() }, { gist: 'Просил перезвонить' });
    await endsWithSummary(call);
    const [made] = await ticketsOf(call);
    expect(made).toMatchObject({ subject: `Входящий звонок с ${pretty()}`, status: 'pending' });
    expect(await messagesOf(made.id)).toMatchObject([{ body: 'Просил перезвонить', automatic: false }]);
  });

  test('after the end: a draft that arrives late fills the automatic ticket and makes it pending', async () => {
    const call = await answered(cast.anna);
    await endsWithSummary(call);
    const [made] = await ticketsOf(call);
    const outcome = await call.act(
      cast.anna,
      { action: 'create_ticket', conversationId: call.conversationId() },
      { subject: 'Тема', gist: 'Суть' },
    );
    expect(outcome).toMatchObject({ state: 'done', ticket_id: made.id });
    expect(await ticket(made.id)).toMatchObject({ subject: 'Тема', status: 'pending' });
    expect(await messagesOf(made.id)).toMatchObject([{ body: 'Суть' }]);
  });

  test.each([
    ['written in the ticket', true],
    ['written in the form', false],
  ])('after the end: text that is taken back, %s, leaves the ticket as it was', async (_where, hasSubject) => {
    const call = await answered(cast.anna);
    await endsWithSummary(call);
    const [made] = await ticketsOf(call);
    const types = (gist: string) =>
      call.act(
        cast.anna,
        { action: 'save_draft', conversationId: call.conversationId() },
        { subject: hasSubject ? made.subject : '', gist },
      );
    await types('Не то');
    expect(await ticket(made.id)).toMatchObject({ status: 'pending', status_rule: 'S15' });
    expect(await types(hasSubject ? ' ' : '')).toMatchObject({ state: 'done', ticket_id: made.id });
    expect(await ticket(made.id)).toMatchObject({ status: 'open', status_rule: 'S2a', subject: made.subject });
    expect(await messagesOf(made.id)).toMatchObject([{ automatic: true }]);
    await types('То');
    expect(await ticket(made.id)).toMatchObject({ status: 'pending', status_rule: 'S15' });
  });

  test('after the end: a gist saved in an automatic ticket that was closed by hand leaves it closed', async () => {
    const call = await answered(cast.anna);
    await endsWithSummary(call);
    const [made] = await ticketsOf(call);
    await database
      .db('tickets')
      .where({ id: made.id })
      .update({ status: 'closed', closed_at: new Date(), status_rule: 'hand', touched_at: new Date() });
    const link = { action: 'link_ticket', conversationId: call.conversationId(), ticketId: made.id } as const;
    expect(await call.act(cast.anna, link, { gist: 'Уже решено' })).toMatchObject({ state: 'done', ticket_id: made.id });
    expect(await ticket(made.id)).toMatchObject({ status: 'closed', status_rule: 'hand' });
    expect(await messagesOf(made.id)).toMatchObject([{ body: 'Уже решено' }]);
  });

  test('after the end: text that is taken back from one of two calls in a ticket leaves it pending', async () => {
    const call = await answered(cast.anna);
    await endsWithSummary(call);
    const [made] = await ticketsOf(call);
    const second = await answered(cast.boris);
    const link = { action: 'link_ticket', conversationId: second.conversationId(), ticketId: made.id } as const;
    await second.act(cast.boris, link, { gist: 'Ещё раз' });
    await endsWithSummary(second);
    for (const gist of ['Не то', ' ']) {
      const draft = { subject: made.subject, gist };
      await call.act(cast.anna, { action: 'save_draft', conversationId: call.conversationId() }, draft);
      expect(await ticket(made.id)).toMatchObject({ status: 'pending' });
    }
  });

  test('S2b: a linked call opens its ticket again while it lasts, and leaves it pending', async () => {
    const first = await answered(cast.anna);
    await endsWithSummary(first);
    const [earlier] = await ticketsOf(first);
    await database.db('tickets').where({ id: earlier.id }).update({ status: 'closed', closed_at: new Date() });
    const call = await answered(cast.boris);
    const outcome = await call.act(
      cast.boris,
      { action: 'link_ticket', conversationId: call.conversationId(), ticketId: earlier.id },
      { gist: 'Ещё раз' },
    );
    expect(outcome).toMatchObject({ state: 'done', ticket_id: earlier.id });
    expect(await ticket(earlier.id)).toMatchObject({ status: 'open' });
    await endsWithSummary(call);
    expect(await ticket(earlier.id)).toMatchObject({ status: 'pending' });
    expect(await ticketsOf(call)).toHaveLength(1);
    const events = await database.db('ticket_events').where({ ticket_id: earlier.id, type: 'reopened' });
    expect(events).toHaveLength(1);
  });

  test('after the end: linking moves the conversation, and the untouched automatic ticket is closed', async () => {
    const first = await answered(cast.anna);
    await endsWithSummary(first);
    const [earlier] = await ticketsOf(first);
    const call = await answered(cast.anna);
    await endsWithSummary(call);
    const [automatic] = await ticketsOf(call);
    await call.act(
      cast.anna,
      { action: 'link_ticket', conversationId: call.conversationId(), ticketId: earlier.id },
      { gist: '' },
    );
    expect(await ticket(automatic.id)).toMatchObject({ status: 'closed' });
    expect(await messagesOf(automatic.id)).toMatchObject([{ type: 'system', code: 'call_moved_to' }]);
    expect((await messagesOf(earlier.id)).map((message) => message.conversation_id)).toContain(call.conversationId());
    expect(await ticket(earlier.id)).toMatchObject({ status: 'pending' });
  });

  test('a second ticket for one conversation, and one of another customer, are refused', async () => {
    const other = await CallRunner.start(database.db, cast.integrationId, { phone: `+7917${String(1_000_000 + counter)}` });
    await other.send(
      other.leg('A', 'appeared', { to: agent(cast.anna) }),
      other.leg('A', 'connected'),
      other.leg('A', 'disconnected'),
      other.summary(),
    );
    await other.pass(3_000);
    const [foreign] = await ticketsOf(other);
    const call = await answered(cast.anna);
    expect(
      await call.act(cast.anna, { action: 'link_ticket', conversationId: call.conversationId(), ticketId: foreign.id }),
    ).toMatchObject({ code: 'other_customer' });
    const made = await call.act(cast.anna, { action: 'create_ticket', conversationId: call.conversationId() });
    const again = await call.act(cast.anna, { action: 'create_ticket', conversationId: call.conversationId() });
    expect(again).toMatchObject({ state: 'refused', code: 'ticket_exists', ticket_id: made.ticket_id });
  });

  test('S4a: identifying the caller adds the number, and the ticket is that customer’s', async () => {
    const [customer] = await database.db('customers').insert({ full_name: 'Ирина' }).returning('id');
    const call = await answered(cast.anna);
    await call.act(cast.anna, { action: 'identify_customer', customerId: customer.id });
    await endsWithSummary(call);
    expect(await database.db('customer_phones').where({ customer_id: customer.id })).toMatchObject([{ phone }]);
    expect((await ticketsOf(call))[0]).toMatchObject({ customer_id: customer.id });
  });

  test('a status changed by hand during the talk still gives way to the rule at its end; after that the agent’s choice stands', async () => {
    const call = await answered(cast.anna);
    const { ticket_id } = await call.act(cast.anna, { action: 'create_ticket', conversationId: call.conversationId() });
    await database
      .db('tickets')
      .where({ id: ticket_id })
      .update({ status: 'closed', closed_at: new Date(), status_rule: 'hand', touched_at: new Date() });
    await endsWithSummary(call);
    expect(await ticket(ticket_id ?? '')).toMatchObject({ status: 'pending' });
  });
});

describe('a transfer', () => {
  test('S5: A, who did nothing, gets a closed ticket; B one like any incoming call', async () => {
    const call = await answered(cast.anna);
    await call.send(call.leg('A', 'held'));
    await call.send(call.leg('B', 'appeared', { from: agent(cast.anna), to: agent(cast.boris), takenFrom: 'A' }));
    await call.pass(2_000);
    await call.send(call.leg('B', 'connected'));
    await call.pass(5_000);
    await call.send(call.leg('A', 'disconnected'));
    await call.send(call.leg('B', 'connected', { from: { kind: 'outside', number: 1 }, takenFrom: 'A' }));
    await call.pass(30_000);
    await call.send(call.leg('B', 'disconnected'), call.summary({ talkedAt: call.now, to: agent(cast.boris) }));
    await call.pass(2_500);
    const made = await ticketsOf(call);
    expect(made.map((row) => [row.assignee_id, row.status])).toEqual([
      [cast.anna, 'closed'],
      [cast.boris, 'open'],
    ]);
  });

  test('S5: B does not answer: A’s ticket is closed and B has a missed call', async () => {
    const call = await answered(cast.anna);
    await call.send(call.leg('A', 'disconnected'));
    await call.send(
      call.leg('B', 'appeared', {
        from: { kind: 'outside', number: 1 },
        to: agent(cast.boris),
        takenFrom: 'A',
        transfer: 'blind',
      }),
    );
    await call.pass(20_000);
    await call.send(call.leg('B', 'disconnected'), call.summary({ talkedAt: call.now - 30_000, to: agent(cast.anna) }));
    await call.pass(2_500);
    const made = await ticketsOf(call);
    expect(made.map((row) => [row.kind, row.assignee_id, row.status])).toEqual([
      ['incoming', cast.anna, 'closed'],
      ['missed', cast.boris, 'open'],
    ]);
  });

  test('a ring-back that A answers continues A’s conversation in the same ticket', async () => {
    const call = await answered(cast.anna);
    await call.send(call.leg('A', 'disconnected'));
    await call.send(
      call.leg('B', 'appeared', {
        from: { kind: 'outside', number: 1 },
        to: agent(cast.boris),
        takenFrom: 'A',
        transfer: 'blind',
      }),
    );
    await call.pass(15_000);
    await call.send(call.leg('B', 'disconnected'));
    await call.send(
      call.leg('C', 'appeared', {
        from: { kind: 'outside', number: 1 },
        to: agent(cast.anna),
        takenFrom: 'A',
        transfer: 'return_blind',
      }),
    );
    await call.send(call.leg('C', 'connected'));
    await call.pass(15_000);
    await call.send(call.leg('C', 'disconnected'), call.summary({ talkedAt: call.now }));
    await call.pass(2_500);
    const made = await ticketsOf(call);
    expect(made.map((row) => [row.kind, row.assignee_id, row.status])).toEqual([['incoming', cast.anna, 'open']]);
  });
});

describe('a missed call', () => {
  test('S11, S16: an open ticket with a red handset; one for a group of three, and for nobody in particular', async () => {
    const call = await missed([cast.anna, cast.boris, cast.vera]);
    const made = await ticketsOf(call);
    expect(made).toMatchObject([
      { subject: `Пропущенный звонок с ${pretty()}`, status: 'open', handset: 'red', missed_count: 1, assignee_id: null },
    ]);
  });

  test('S12: the next one joins it, unless somebody has talked to the customer since', async () => {
    const first = await missed([cast.anna]);
    const second = await missed([cast.boris]);
    const [group] = await ticketsOf(second);
    expect(group).toMatchObject({ id: (await ticketsOf(first))[0]?.id, missed_count: 2, assignee_id: cast.anna });
    await endsWithSummary(await answered(cast.anna));
    const third = await missed([cast.anna]);
    expect((await ticketsOf(third))[0]?.id).not.toBe(group?.id);
  });

  test('S12: a closed missed-call ticket without a talk since is opened again', async () => {
    const [first] = await ticketsOf(await missed([cast.anna]));
    await database.db('tickets').where({ id: first.id }).update({ status: 'closed', closed_at: new Date() });
    const [again] = await ticketsOf(await missed([cast.anna]));
    expect(again).toMatchObject({ id: first.id, status: 'open', missed_count: 2 });
  });

  test('a hidden number is never grouped and has no customer', async () => {
    const [first] = await ticketsOf(await missed([cast.anna], { phone: null }));
    const [second] = await ticketsOf(await missed([cast.anna], { phone: null }));
    expect(first).toMatchObject({ subject: 'Пропущенный звонок со скрытого номера', customer_id: null });
    expect(second?.id).not.toBe(first?.id);
  });

  test('S14: what never reaches a mapped agent makes nothing, nor does what an ignored operator answered', async () => {
    const ivr = await start();
    await ivr.send(
      ivr.leg('A', 'appeared', { location: 'menu' }),
      ivr.leg('A', 'disconnected', { location: 'menu' }),
      ivr.summary(),
    );
    await ivr.pass(60_000);
    expect(await ticketsOf(ivr)).toEqual([]);
    const ignored = await start();
    await ignored.send(
      ignored.leg('A', 'appeared', { to: agent(cast.anna) }),
      ignored.leg('B', 'appeared', { to: { kind: 'ignored' } }),
    );
    await ignored.send(ignored.leg('B', 'connected'), ignored.leg('A', 'disconnected'));
    await ignored.pass(10_000);
    await ignored.send(ignored.leg('B', 'disconnected'), ignored.summary({ talkedAt: ignored.now, to: { kind: 'ignored' } }));
    await ignored.pass(60_000);
    expect(await ticketsOf(ignored)).toEqual([]);
  });

  test('S18а: answering and making a new ticket closes the missed-call ticket at that moment', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const call = await answered(cast.boris);
    await call.act(cast.boris, { action: 'create_ticket', conversationId: call.conversationId() });
    expect(await ticket(red.id)).toMatchObject({ status: 'closed', status_rule: 'S18а' });
  });

  test('S18а: what was missed after the agent answered stays open, however late the new ticket is made', async () => {
    const [before] = await ticketsOf(await missed([cast.anna]));
    const call = await answered(cast.boris);
    const [after] = await ticketsOf(await missed([cast.anna], { at: call.now }));
    expect(after.id).not.toBe(before.id);
    await call.act(cast.boris, { action: 'create_ticket', conversationId: call.conversationId() });
    expect(await ticket(before.id)).toMatchObject({ status: 'closed', status_rule: 'S18а' });
    expect(await ticket(after.id)).toMatchObject({ status: 'open', status_rule: 'S16' });
  });

  test('S18а (decided): an automatic ticket leaves the missed-call ticket as it is', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    await endsWithSummary(await answered(cast.boris));
    expect(await ticket(red.id)).toMatchObject({ status: 'open' });
  });

  test('S18б: linking the call to the missed-call ticket leaves it pending', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const call = await answered(cast.boris);
    await call.act(cast.boris, { action: 'link_ticket', conversationId: call.conversationId(), ticketId: red.id });
    await endsWithSummary(call);
    expect(await ticket(red.id)).toMatchObject({ status: 'pending', status_rule: 'S18б' });
  });

  test('S12, S18а: a number of two customers: the talk counts for its missed calls, whichever of them the agent chose', async () => {
    const owners = (await database
      .db('customers')
      .insert([{ full_name: 'Мария' }, { full_name: 'Пётр' }])
      .returning('id')) as { id: string }[];
    await database.db('customer_phones').insert(owners.map(({ id }) => ({ customer_id: id, phone })));
    const [red] = await ticketsOf(await missed([cast.anna]));
    expect(red).toMatchObject({ customer_id: null });
    const call = await answered(cast.boris);
    await call.act(cast.boris, { action: 'identify_customer', customerId: owners[0]?.id ?? '' });
    await call.act(cast.boris, { action: 'create_ticket', conversationId: call.conversationId() });
    expect(await ticket(red.id)).toMatchObject({ status: 'closed' });
    await endsWithSummary(call);
    expect((await ticketsOf(await missed([cast.anna])))[0]?.id).not.toBe(red.id);
  });

  test('S4a, S5: after a transfer B may still say who the unknown caller is; the stopgap made of the number gives way', async () => {
    const [customer] = await database.db('customers').insert({ full_name: 'Ольга' }).returning('id');
    const call = await answered(cast.anna);
    await call.send(call.leg('A', 'disconnected'));
    const outside = { kind: 'outside', number: 1 } as const;
    await call.send(
      call.leg('B', 'appeared', { from: outside, to: agent(cast.boris), takenFrom: 'A', transfer: 'blind' }),
      call.leg('B', 'connected'),
    );
    await call.pass(5_000);
    expect(await call.act(cast.boris, { action: 'identify_customer', customerId: customer.id })).toMatchObject({ state: 'done' });
    await call.send(call.leg('B', 'disconnected'), call.summary({ talkedAt: call.now }));
    await call.pass(2_500);
    expect((await ticketsOf(call)).map((row) => row.customer_id)).toEqual([customer.id, customer.id]);
    expect(await database.db('customer_phones').where({ phone })).toMatchObject([{ customer_id: customer.id }]);
  });

  test('two calls of one customer that end at the same instant make one ticket', async () => {
    const calls = await Promise.all([start(), start()]);
    for (const call of calls) await call.send(call.leg('A', 'appeared', { to: agent(cast.anna) }));
    await Promise.all(calls.map((call) => endsWithSummary(call, false)));
    const made = await database.db('tickets').where({ kind: 'missed', phone });
    expect(made).toMatchObject([{ missed_count: 2 }]);
  });
});

describe('an outgoing call', () => {
  const dial = async (by: string) => {
    const call = await start();
    await call.send(call.leg('A', 'appeared', { from: agent(by), to: { kind: 'outside', number: 1 } }));
    await call.pass(5_000);
    return call;
  };
  const end = async (call: CallRunner, talked: boolean) => {
    await call.send(
      call.leg('A', 'disconnected'),
      call.summary({ direction: 'outgoing', talkedAt: talked ? call.now - 1000 : null }),
    );
    await call.pass(2_500);
  };

  test('S10, S19: from the softphone, nothing done: closed, with the agent as assignee', async () => {
    const call = await dial(cast.anna);
    await call.send(call.leg('A', 'connected'));
    await call.pass(10_000);
    await end(call, true);
    const [made] = await ticketsOf(call);
    expect(made).toMatchObject({
      subject: `Исходящий звонок на ${pretty()}`,
      status: 'closed',
      assignee_id: cast.anna,
      kind: 'outgoing',
    });
    expect(made?.closed_at).toEqual(made?.created_at);
  });

  test('S17: unanswered, it is recorded in the open missed-call ticket, which stays open', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const call = await dial(cast.boris);
    await end(call, false);
    expect((await ticketsOf(call))[0]).toMatchObject({ id: red.id, status: 'open' });
    expect((await messagesOf(red.id)).at(-1)).toMatchObject({ type: 'system', code: 'call_attempt' });
  });

  test('S17: what an agent does after the attempt neither renames nor closes the missed-call ticket', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const call = await dial(cast.boris);
    await end(call, false);
    const conversationId = call.conversationId();
    const typed = await call.act(cast.boris, { action: 'save_draft', conversationId }, { gist: 'Не берёт трубку' });
    expect(typed).toMatchObject({ state: 'done', ticket_id: red.id });
    const created = await call.act(cast.boris, { action: 'create_ticket', conversationId }, { subject: 'Новое' });
    expect(created).toMatchObject({ state: 'refused', code: 'ticket_exists', ticket_id: red.id });
    expect(await ticket(red.id)).toMatchObject({ subject: red.subject, status: 'open', kind: 'missed' });
    expect((await messagesOf(red.id)).at(-1)).toMatchObject({ code: 'call_attempt', body: 'Не берёт трубку' });
  });

  test('S10: unanswered without a missed-call ticket makes a closed one', async () => {
    const call = await dial(cast.boris);
    await end(call, false);
    expect((await ticketsOf(call))[0]).toMatchObject({ status: 'closed', kind: 'outgoing', assignee_id: cast.boris });
  });

  test('S18г: answered, and a new ticket made: the missed-call ticket is closed', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const call = await dial(cast.boris);
    await call.act(cast.boris, { action: 'create_ticket', conversationId: call.conversationId() });
    expect(await ticket(red.id)).toMatchObject({ status: 'open' });
    await call.send(call.leg('A', 'connected'));
    expect(await ticket(red.id)).toMatchObject({ status: 'closed', status_rule: 'S18г' });
  });

  test('S18д: answered and linked to the missed-call ticket: pending at the end', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const call = await dial(cast.boris);
    await call.send(call.leg('A', 'connected'));
    await call.act(cast.boris, { action: 'link_ticket', conversationId: call.conversationId(), ticketId: red.id });
    await end(call, true);
    expect(await ticket(red.id)).toMatchObject({ status: 'pending', status_rule: 'S18д' });
  });

  const callback = async (ticketId: string, picksUp: boolean, answers: boolean) => {
    const call = await start();
    const command = { commandId: `c-${call.callId}`, ours: { agentId: cast.anna, ticketId } };
    await database
      .db('calls')
      .where({ id: call.callId })
      .update({ command_id: command.commandId, ordered_by: cast.anna, ticket_id: ticketId, command_state: 'bound' });
    const outside = { kind: 'outside', number: 1 } as const;
    await call.send(call.leg('L1', 'appeared', { from: outside, to: agent(cast.anna), command }));
    if (picksUp) {
      await call.send(call.leg('L1', 'connected', { command }), call.leg('L1', 'disconnected', { command }));
      await call.send(call.leg('L2', 'appeared', { from: agent(cast.anna), to: outside, takenFrom: 'L1', command }));
      await call.pass(5_000);
      if (answers) await call.send(call.leg('L2', 'connected', { command }));
    }
    return {
      call,
      finish: async () => {
        await call.pass(5_000);
        await call.send(call.leg(picksUp ? 'L2' : 'L1', 'disconnected', { command }), call.summary({ direction: 'outgoing' }));
        await call.pass(2_500);
      },
    };
  };

  test('S18в: from the missed-call ticket, answered: open during the talk, pending at its end, the message added by itself', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const { call, finish } = await callback(red.id, true, true);
    expect(await ticket(red.id)).toMatchObject({ status: 'open' });
    await finish();
    expect(await ticket(red.id)).toMatchObject({ status: 'pending', status_rule: 'S18в' });
    expect((await messagesOf(red.id)).at(-1)).toMatchObject({ type: 'reply', conversation_id: call.conversationId(), body: '' });
  });

  test('S8: text that arrives after the end joins what was typed before; what the agent saved stands', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const { call, finish } = await callback(red.id, true, true);
    const conversationId = call.conversationId();
    const types = (gist: string) => call.act(cast.anna, { action: 'save_draft', conversationId }, { gist });
    await types('До конца');
    expect(await messagesOf(red.id)).toHaveLength(1);
    await finish();
    expect(await types('До конца, и без сети')).toMatchObject({ state: 'done', ticket_id: red.id });
    expect(await types('До конца, и без сети, и потом')).toMatchObject({ state: 'done' });
    expect((await messagesOf(red.id)).at(-1)).toMatchObject({ body: 'До конца, и без сети, и потом', automatic: false });
    expect(await ticket(red.id)).toMatchObject({ status: 'pending', status_rule: 'S18в' });
    await call.act(cast.anna, { action: 'link_ticket', conversationId, ticketId: red.id }, { gist: 'Сохранено' });
    await types('Набрано и не сохранено');
    expect((await messagesOf(red.id)).at(-1)).toMatchObject({ body: 'Сохранено' });
  });

  test('S9: not answered: the attempt stands in the ticket, whose status does not change', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const { finish } = await callback(red.id, true, false);
    await finish();
    expect(await ticket(red.id)).toMatchObject({ status: 'open' });
    expect((await messagesOf(red.id)).at(-1)).toMatchObject({ type: 'system', code: 'call_attempt' });
  });

  test('S9 (decided): the agent never picked up: no attempt, and the agent is told', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const { call, finish } = await callback(red.id, false, false);
    await finish();
    expect(await messagesOf(red.id)).toHaveLength(1);
    expect(await ticketsOf(call)).toEqual([]);
    const told = await database
      .db('stream_events')
      .where({ agent_id: cast.anna, type: 'callback.failed' })
      .orderBy('id', 'desc')
      .first();
    expect(told.payload).toMatchObject({ code: 'agent_did_not_pick_up' });
  });

  test('S7, S9: an agent who cancels before picking up is not told to have missed anything', async () => {
    const [red] = await ticketsOf(await missed([cast.anna]));
    const { call, finish } = await callback(red.id, false, false);
    await noteCommand(database.db, {
      ...{ callId: call.callId, commandId: `hangup-${call.callId}`, what: 'hang_up', agentId: cast.anna },
    });
    await finish();
    expect(await messagesOf(red.id)).toHaveLength(1);
    const told = await database
      .db('stream_events')
      .where({ agent_id: cast.anna, type: 'callback.failed' })
      .orderBy('id', 'desc')
      .first();
    expect(told.payload).toMatchObject({ callId: call.callId, code: 'cancelled' });
  });
});
