import { createHash, randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LiveCall } from '../../db/calls.ts';
import { redactOldEvents } from '../../db/retention.ts';
import { createDemoPbx } from '../../run/demo-pbx/pbx.ts';
import { freePort } from '../../run/ports.ts';
import { eventually } from '../support/live-call.ts';
import { DEMO_ACCOUNT, signedPost } from '../support/pbx.ts';
import { startProduct, type Product, type Visitor } from '../support/product.ts';
import { temporalAddress } from '../support/temporal.ts';

interface Recording {
  readonly state: string;
  readonly reason: string | null;
  readonly url: string | null;
  readonly durationSeconds: number | null;
}
interface Ticket {
  readonly id: string;
  readonly subject: string;
  readonly status: string;
  readonly kind: string;
  readonly handset: string;
  readonly customer: { readonly id: string; readonly fullName: string } | null;
  readonly assignee: { readonly id: string } | null;
  readonly messages: readonly {
    readonly type: string;
    readonly body: string;
    readonly conversation: {
      readonly id: string;
      readonly outcome: string;
      readonly talkSeconds: number | null;
      readonly recording: Recording | null;
    } | null;
  }[];
}

/** Both PBXs of these tests count from here. */
const FIRST_ID = 1_000_000;
const MOBILE_OF_ANNA = '+79165550101';
let product: Product;
/** Where the second PBX answers, once there is one. */
let otherPort: number;
beforeAll(async () => {
  otherPort = await freePort();
  const operators = DEMO_ACCOUNT.operators.map((one) =>
    one.extension === '101' ? { ...one, otherDevices: [MOBILE_OF_ANNA.slice(1)] } : one,
  );
  product = await startProduct({
    env: { MANGO_API_URL: `http://127.0.0.1:${otherPort}` },
    pbx: { firstId: FIRST_ID, account: { ...DEMO_ACCOUNT, operators } },
  });
}, 120_000);
afterAll(() => product.stop(), 60_000);

let counter = 0;
const newNumber = (): string => `+7905${1_000_000 + ++counter}`;

const calls = async (visitor: Visitor): Promise<readonly LiveCall[]> =>
  (await visitor.get<{ items: LiveCall[] }>('/api/calls?state=active')).items;
const callOf = (visitor: Visitor, phone: string, state: string): Promise<LiveCall> =>
  eventually(
    async () => (await calls(visitor)).find((call) => call.phone === phone && call.state === state),
    (call) => call !== undefined,
  ) as Promise<LiveCall>;
async function ticketsOf(phone: string): Promise<Ticket[]> {
  const { items } = await product.admin.get<{ items: { id: string }[] }>(
    `/api/tickets?q=${encodeURIComponent(phone.slice(1))}&sort=createdAt`,
  );
  return Promise.all(items.map((item) => product.admin.get<Ticket>(`/api/tickets/${item.id}`)));
}
const ticketOf = async (phone: string, where: (ticket: Ticket) => boolean = () => true): Promise<Ticket> =>
  (await eventually(
    async () => (await ticketsOf(phone)).find(where),
    (ticket) => ticket !== undefined,
  )) as Ticket;
const settled = (visitor: Visitor, callId: string, actionId: string) =>
  eventually(
    () =>
      visitor.get<{ state: string; code: string | null; ticketId: string | null }>(`/api/calls/${callId}/actions/${actionId}`),
    (action) => action.state !== 'accepted',
  );
async function act(visitor: Visitor, callId: string, action: Record<string, unknown>) {
  const actionId = randomUUID();
  await visitor.post(`/api/calls/${callId}/actions`, { actionId, ...action });
  return settled(visitor, callId, actionId);
}

/** The first: later ones move the first PBX's ids on. */
describe('two PBX accounts side by side', () => {
  test('give the same ids and extensions at the same time, and nothing is mixed up; one removed leaves its history', async () => {
    const { admin, anna, vera, pbx } = product;
    const credentials = { key: 'key-of-the-other', salt: 'salt-of-the-other' };
    const other = createDemoPbx({ ...credentials, callbacks: { mode: 'manual' }, targetUrl: product.url, firstId: FIRST_ID });
    await other.start(otherPort);
    const account = await admin.post<{ id: string }>('/api/integrations', {
      ...{ name: 'Вторая АТС', apiKey: credentials.key, apiSalt: credentials.salt, apiUrl: other.url },
    });
    await admin.post('/api/operators/refresh', { integrationId: account.id });
    const { items } = await admin.get<{ items: { id: string; extension: string; integrationId: string }[] }>('/api/operators');
    const operator = items.find(({ extension, integrationId }) => extension === '101' && integrationId === account.id);
    // 101 is Anna in one company, and Vera in the other.
    await admin.request('PATCH', `/api/operators/${operator?.id}`, { agentId: vera.agentId });

    const [phone, otherPhone] = [newNumber(), newNumber()];
    const call = pbx.incoming({ from: phone });
    const otherCall = other.incoming({ from: otherPhone });
    expect(otherCall.id).toBe(call.id);
    await Promise.all([call.ring('101'), otherCall.ring('101')]);
    await callOf(anna, phone, 'ringing');
    await callOf(vera, otherPhone, 'ringing');
    for (const [visitor, own] of [
      [anna, phone],
      [vera, otherPhone],
    ] as const) {
      expect((await calls(visitor)).map((card) => card.phone)).toEqual([own]);
    }
    await Promise.all([call.answer('101'), otherCall.answer('101')]);
    await callOf(anna, phone, 'talking');
    await callOf(vera, otherPhone, 'talking');
    await Promise.all([call.pass(7), otherCall.pass(15)]);
    await Promise.all([call.hangUp(), otherCall.hangUp()]);
    await Promise.all([call.finish(), otherCall.finish()]);

    const recorded = async (number: string): Promise<Ticket> =>
      ticketOf(number, (found) => found.messages[0]?.conversation?.recording?.state === 'ready');
    const soundOf = async (ticket: Ticket): Promise<string> => {
      const url = product.url + (ticket.messages[0]?.conversation?.recording?.url ?? '');
      const response = await fetch(url, { headers: { cookie: admin.cookie } });
      return createHash('sha256')
        .update(Buffer.from(await response.arrayBuffer()))
        .digest('hex');
    };
    const [ticket, otherTicket] = [await recorded(phone), await recorded(otherPhone)];
    expect(ticket.assignee).toMatchObject({ id: anna.agentId });
    expect(otherTicket.assignee).toMatchObject({ id: vera.agentId });
    const sounds = [await soundOf(ticket), await soundOf(otherTicket)];
    expect(call.facts.recordings[0]?.recordingId).toBe(otherCall.facts.recordings[0]?.recordingId);
    expect(sounds).toEqual([call.facts.recordings[0]?.sha256, otherCall.facts.recordings[0]?.sha256]);
    expect(sounds[0]).not.toBe(sounds[1]);
    expect([await ticketsOf(phone), await ticketsOf(otherPhone)].map(({ length }) => length)).toEqual([1, 1]);

    // Vera can be rung by both; the customer is called back by the company they called.
    await vera.post(`/api/tickets/${otherTicket.id}/callback`);
    const back = await other.nextCallback();
    await back.operatorDoesNotAnswer();
    await back.finish();
    expect(pbx.log.received.filter(({ path }) => path.includes('commands/callback'))).toEqual([]);
    await eventually(
      () => calls(vera),
      (cards) => cards.length === 0,
    );

    expect((await admin.request('DELETE', `/api/integrations/${account.id}`)).status).toBe(204);
    expect(await ticketsOf(otherPhone)).toMatchObject([{ id: otherTicket.id, assignee: { id: vera.agentId } }]);
    expect(await soundOf(otherTicket)).toBe(sounds[1]);
    await other.stop();
  });
});

describe('an employee with several devices', () => {
  test('has one card while any of them rings, one talk whichever answers, and one missed call if none does', async () => {
    const { admin, anna, boris, pbx } = product;
    await admin.post('/api/operators/refresh');
    const { items } = await admin.get<{ items: { extension: string; agentId: string | null; devices: { number: string }[] }[] }>(
      '/api/operators',
    );
    const own = items.find(({ agentId }) => agentId === anna.agentId);
    expect(own?.devices.map(({ number }) => number)).toEqual([expect.stringMatching(/^sip:/), MOBILE_OF_ANNA.slice(1)]);
    const mobile = MOBILE_OF_ANNA.slice(1);
    const cardsOf = async (visitor: Visitor, phone: string) => (await calls(visitor)).filter((card) => card.phone === phone);

    const phone = newNumber();
    const call = pbx.incoming({ from: phone });
    // Of the mobile the PBX may name the number alone.
    await call.ringAll(['101', mobile]);
    await callOf(anna, phone, 'ringing');
    await call.answer(mobile);
    const talking = await callOf(anna, phone, 'talking');
    expect(await cardsOf(anna, phone)).toHaveLength(1);
    expect(await cardsOf(boris, phone)).toEqual([]);
    await call.pass(12);
    await call.hangUp();
    await call.finish();
    const ticket = await ticketOf(phone, (found) => found.messages[0]?.conversation?.outcome === 'talked');
    expect(ticket).toMatchObject({ assignee: { id: anna.agentId }, kind: 'incoming', status: 'open' });
    expect(ticket.messages.map(({ conversation }) => conversation?.id)).toEqual([talking.conversationId]);

    const another = newNumber();
    const missed = pbx.incoming({ from: another });
    await missed.ringAll(['101', mobile]);
    await callOf(anna, another, 'ringing');
    await missed.reject('101');
    await eventually(
      () => product.database.db('inbox').where({ verdict: 'accepted' }),
      (rows) => rows.length === 0,
    );
    expect(await cardsOf(anna, another)).toMatchObject([{ state: 'ringing' }]);
    await missed.giveUp();
    await missed.finish();
    const [only, ...more] = [await ticketOf(another), ...(await ticketsOf(another)).slice(1)];
    expect(only).toMatchObject({ kind: 'missed', status: 'open', assignee: { id: anna.agentId }, missedCount: 1 });
    expect(more).toEqual([]);
    expect(await cardsOf(anna, another)).toEqual([]);
  });
});

describe('from signed events to tickets', () => {
  test('S1, S2a: a call rings, is answered, ends; its ticket carries the recording, byte for byte', async () => {
    const phone = newNumber();
    const call = product.pbx.incoming({ from: phone });
    await call.menu();
    await call.ring('101');
    const ringing = await callOf(product.anna, phone, 'ringing');
    expect(ringing).toMatchObject({ direction: 'incoming', conversationId: null });
    expect(await calls(product.boris)).toEqual([]);
    await call.answer('101');
    const talking = await callOf(product.anna, phone, 'talking');
    expect(talking.conversationId).not.toBeNull();
    await call.pass(42);
    await call.hangUp();
    await call.finish();
    const ticket = await ticketOf(phone, (found) => found.messages[0]?.conversation?.recording?.state === 'ready');
    expect(ticket).toMatchObject({ status: 'open', kind: 'incoming', handset: 'green', assignee: { id: product.anna.agentId } });
    expect(ticket.subject).toMatch(/^Входящий звонок с \+7 905 /u);
    const conversation = ticket.messages[0]?.conversation;
    expect(conversation).toMatchObject({ outcome: 'talked' });
    // The PBX's clock has whole seconds.
    expect([42, 43]).toContain(conversation?.talkSeconds);
    const response = await fetch(product.url + (conversation?.recording?.url ?? ''), {
      headers: { cookie: product.anna.cookie, range: 'bytes=0-99' },
    });
    expect(response.status).toBe(206);
    expect((await response.arrayBuffer()).byteLength).toBe(100);
    expect(await calls(product.anna)).toEqual([]);
  });

  test('S2a: a ticket made during the talk shows «Звонок в процессе», then is pending with its recording', async () => {
    const phone = newNumber();
    const call = product.pbx.incoming({ from: phone });
    await call.ring('0103');
    await call.answer('0103');
    const { callId, conversationId } = await callOf(product.vera, phone, 'talking');
    const made = await act(product.vera, callId, {
      type: 'create_ticket',
      conversationId,
      subject: 'Заказ 17',
      gist: 'Где посылка?',
    });
    expect(made).toMatchObject({ state: 'done' });
    const during = await product.vera.get<Ticket>(`/api/tickets/${made.ticketId}`);
    expect(during).toMatchObject({
      subject: 'Заказ 17',
      status: 'open',
      messages: [{ body: 'Где посылка?', conversation: { outcome: 'in_progress' } }],
    });
    await call.pass(10);
    await call.hangUp('0103');
    await call.finish();
    const after = await ticketOf(phone, (ticket) => ticket.status === 'pending');
    expect(after.id).toBe(made.ticketId);
    expect(await ticketsOf(phone)).toHaveLength(1);
  });

  test('S5: a consultative transfer makes a ticket for each agent', async () => {
    const phone = newNumber();
    const call = product.pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await call.pass(20);
    await call.consult('101', '102');
    await callOf(product.boris, phone, 'ringing');
    await call.answer('102');
    await call.pass(5);
    await call.completeTransfer('101');
    await callOf(product.boris, phone, 'talking');
    await call.pass(30);
    await call.hangUp();
    await call.finish();
    const found = await eventually(
      () => ticketsOf(phone),
      (list) => list.length === 2 && list.every((ticket) => ticket.messages[0]?.conversation?.recording?.state === 'ready'),
    );
    expect(found.map((ticket) => [ticket.assignee?.id, ticket.status])).toEqual(
      expect.arrayContaining([
        [product.anna.agentId, 'closed'],
        [product.boris.agentId, 'open'],
      ]),
    );
  });

  test('S11, S12: a group that rings three agents is one missed call, and the next one joins it', async () => {
    const phone = newNumber();
    for (let round = 1; round <= 2; round++) {
      const call = product.pbx.incoming({ from: phone });
      await call.ringAll(['101', '102', '0103']);
      await call.pass(15);
      await call.giveUp();
      await call.finish();
      const ticket = await ticketOf(phone, (found) => found.messages.length === round);
      expect(ticket).toMatchObject({ kind: 'missed', status: 'open', handset: 'red', assignee: null });
    }
    expect(await ticketsOf(phone)).toHaveLength(1);
  });

  test('S6–S9, S18в: calling back from the missed-call ticket, answered: pending, and the handset green', async () => {
    const phone = newNumber();
    const missed = product.pbx.incoming({ from: phone });
    await missed.ring('101');
    await missed.pass(10);
    await missed.giveUp();
    await missed.finish();
    const red = await ticketOf(phone);
    const ordered = await product.anna.post<{ commandId: string; callId: string }>(`/api/tickets/${red.id}/callback`);
    const call = await product.pbx.nextCallback();
    expect((await callOf(product.anna, phone, 'dialling')).callId).toBe(ordered.callId);
    await call.operatorAnswers();
    await call.pass(4);
    await call.customerAnswers();
    const talking = await callOf(product.anna, phone, 'talking');
    expect(talking).toMatchObject({ callId: ordered.callId, ticketId: red.id, commandId: ordered.commandId });
    await act(product.anna, talking.callId, {
      type: 'link_ticket',
      conversationId: talking.conversationId,
      ticketId: red.id,
      gist: 'Договорились',
    });
    await call.pass(20);
    await call.hangUp();
    await call.finish();
    const green = await ticketOf(phone, (ticket) => ticket.handset === 'green' && ticket.status === 'pending');
    expect(green.id).toBe(red.id);
    expect(green.messages.at(-1)).toMatchObject({
      body: 'Договорились',
      conversation: { outcome: 'talked', recording: { state: 'ready' } },
    });
  });

  test('S9: the PBX refuses the callback: the agent is told why, and no call stays open', async () => {
    const phone = newNumber();
    const missed = product.pbx.incoming({ from: phone });
    await missed.ring('102');
    await missed.giveUp();
    await missed.finish();
    const red = await ticketOf(phone);
    product.pbx.setFaults({ commands: [{ path: 'commands/callback', code: 4001, times: 1 }] });
    await product.boris.post(`/api/tickets/${red.id}/callback`);
    await eventually(
      () => product.database.db('stream_events').where({ agent_id: product.boris.agentId, type: 'callback.failed' }),
      (events) => events.length === 1,
    );
    expect(await calls(product.boris)).toEqual([]);
  });

  test('S10: a softphone call nobody did anything about: closed, with the agent as assignee', async () => {
    const phone = newNumber();
    const call = product.pbx.outgoing({ from: '102', to: phone });
    await call.dial();
    await callOf(product.boris, phone, 'dialling');
    await call.customerAnswers();
    await call.pass(9);
    await call.hangUp('102');
    await call.finish();
    const ticket = await ticketOf(phone);
    expect(ticket).toMatchObject({ status: 'closed', kind: 'outgoing', assignee: { id: product.boris.agentId } });
    expect(ticket.subject).toMatch(/^Исходящий звонок на /u);
  });

  test('S14: a call that ends in the menu, and one to an employee nobody mapped, make nothing', async () => {
    const phone = newNumber();
    const menu = product.pbx.incoming({ from: phone });
    await menu.menu();
    await menu.leaveMenu(1170);
    await menu.hangUp();
    await menu.finish();
    const unmapped = product.pbx.incoming({ from: phone });
    await unmapped.ring('190');
    await unmapped.giveUp();
    await unmapped.finish();
    await eventually(
      () => product.database.db('calls').where({ phone }),
      (rows) => rows.length === 2 && rows.every((row: { state: string }) => row.state === 'over'),
    );
    expect(await ticketsOf(phone)).toEqual([]);
  });

  test('S4b: what was typed and never submitted becomes the ticket when the talk ends', async () => {
    const phone = newNumber();
    const call = product.pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    const { callId, conversationId } = await callOf(product.anna, phone, 'talking');
    await act(product.anna, callId, { type: 'save_draft', conversationId, subject: '', gist: 'Не закончено' });
    await call.hangUp();
    await call.finish();
    const ticket = await ticketOf(phone, (found) => found.status === 'pending');
    expect(ticket.messages).toMatchObject([{ body: 'Не закончено' }]);
  });
});

describe('Check 4: all that the PBX said of a call, captured and sent once more', () => {
  /** Each row of the tables that hold what became of calls, as text; what counts and times repeats is the inbox's own. */
  const everything = async (): Promise<string> => {
    const tables = ['tickets', 'messages', 'ticket_events', 'calls', 'conversations', 'call_cards', 'customers', 'recordings'];
    const rows = await Promise.all(
      tables.map((table) => product.database.db(table).select(product.database.db.raw(`${table}::text as row`))),
    );
    return JSON.stringify(rows.map((of) => (of as { row: string }[]).map(({ row }) => row).sort()));
  };

  test('makes nothing, also once Temporal has deleted the history, and when the events have lost their numbers', async () => {
    const { db } = product.database;
    const [missed, talked] = [newNumber(), newNumber()];
    const silent = product.pbx.incoming({ from: missed });
    await silent.ring('102');
    await silent.giveUp();
    await silent.finish();
    const call = product.pbx.incoming({ from: talked });
    await call.ring('101');
    await call.answer('101');
    await call.pass(7);
    await call.hangUp();
    await call.finish();
    await ticketOf(missed);
    await ticketOf(talked, ({ messages }) => messages[0]?.conversation?.recording?.state === 'ready');
    interface CallRow {
      readonly entry_id: string;
      readonly workflow_id: string;
      readonly state: string;
    }
    const callRows = () => db('calls').whereIn('phone', [missed, talked]) as unknown as Promise<CallRow[]>;
    await eventually(callRows, (rows) => rows.length === 2 && rows.every(({ state }) => state === 'over'));
    const known = await callRows();
    const captured = (await db('inbox')
      .whereIn(
        'entry',
        known.map(({ entry_id: entry }) => entry),
      )
      .whereNotNull('raw')
      .orderBy('id')) as {
      id: string;
      path: string;
      raw: string;
    }[];
    expect(captured.length).toBeGreaterThan(6);
    const sendAgain = async (): Promise<void> => {
      for (const { path, raw } of captured) expect((await signedPost(product.url, `/mango${path}`, raw)).status, path).toBe(200);
      const waiting = () => db('inbox').whereNull('delivered_at') as unknown as Promise<unknown[]>;
      await eventually(waiting, (rows) => rows.length === 0);
    };
    const rowsBefore = await db('inbox').count('* as n');
    const before = await everything();
    await sendAgain();

    const connection = await Connection.connect({ address: temporalAddress() });
    const { workflow, workflowService } = new Client({ connection });
    const forget = async ({ workflow_id: workflowId }: CallRow): Promise<void> => {
      await workflow.getHandle(workflowId).result();
      await workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId } });
      const isKnown = (): Promise<boolean> =>
        workflow
          .getHandle(workflowId)
          .describe()
          .then(
            () => true,
            () => false,
          );
      await eventually(isKnown, (is) => !is, 60_000);
    };
    await Promise.all(known.map(forget));
    await sendAgain();
    await db('inbox')
      .whereIn(
        'id',
        captured.map(({ id }) => id),
      )
      .update({ received_at: new Date(Date.now() - 400 * 86_400_000) });
    expect(await redactOldEvents(db, 365, () => 'hash')).toMatchObject({ count: captured.length });
    await sendAgain();
    expect(await everything()).toBe(before);
    expect(await db('inbox').count('* as n')).toEqual(rowsBefore);
    // As somebody would who could make the PBX's signature: an event of that call that has never been told.
    const first = JSON.parse(captured[0]?.raw ?? '{}') as object;
    expect((await signedPost(product.url, '/mango/events/call', { ...first, seq: 99 })).status).toBe(200);
    await sendAgain();
    expect(await everything()).toBe(before);
    for (const { workflow_id: workflowId } of known) {
      await expect(workflow.getHandle(workflowId).describe()).rejects.toThrow(/not found/i);
    }
    await connection.close();
  });
});
