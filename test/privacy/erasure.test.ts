import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Destruction, Erasure, ErasurePreview } from '../../api/contract/privacy.ts';
import { erasureWorkflowId } from '../../workflows/messages.ts';
import { eventually } from '../support/live-call.ts';
import { startProduct, type Product } from '../support/product.ts';
import { connectTemporal, type TestTemporal } from '../support/temporal.ts';
import { dumpOf, linesWith } from './dump.ts';

let product: Product;
let temporal: TestTemporal;
beforeAll(async () => {
  product = await startProduct();
  temporal = await connectTemporal();
}, 120_000);
afterAll(async () => {
  await temporal.close();
  await product.stop();
}, 60_000);

let counter = 0;
/** A number that stands nowhere else, and the digits any way of writing it holds. */
const newNumber = () => {
  const digits = `909${String(7_000_000 + ++counter)}`;
  return { phone: `+7${digits}`, digits, written: digits.replace(/^(\d{3})(\d{3})(\d{2})(\d{2})$/, '$1 $2-$3-$4') };
};
type Customer = { readonly id: string };
const addCustomer = (fullName: string, more: object) => product.admin.post<Customer>('/api/customers', { fullName, ...more });
const files = (): string[] =>
  readdirSync(product.config.dataDir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.audio'));
const ticketsOf = async (customerId: string) =>
  (await product.admin.get<{ items: { id: string; subject: string }[] }>(`/api/tickets?customerId=${customerId}`)).items;

async function talk(phone: string, operator = '101'): Promise<void> {
  const call = product.pbx.incoming({ from: phone });
  await call.ring(operator);
  await call.answer(operator);
  await call.pass(12);
  await call.hangUp();
  await call.finish();
}
async function talkWithRecording(phone: string, customerId: string): Promise<void> {
  const before = files().length;
  await talk(phone);
  await eventually(
    () => Promise.resolve(files().length),
    (count) => count > before,
  );
  await eventually(
    () => ticketsOf(customerId),
    (tickets) => tickets.length > 0,
  );
}
const over = (customerId: string) =>
  eventually(
    async () => product.database.db('calls').where({ customer_id: customerId }).whereNot({ state: 'over' }),
    (rows) => (rows as unknown[]).length === 0,
  );
async function erase(customerId: string, texts: 'erase' | 'keep' = 'erase'): Promise<Erasure> {
  const ordered = await product.admin.post<Erasure>(`/api/customers/${customerId}/erasure`, { reason: 'request', texts });
  return eventually(
    () => product.admin.get<Erasure>(`/api/erasures/${ordered.id}`),
    ({ state }) => state === 'done',
  );
}

/** The queue of the product's worker, from a workflow that it ran. */
async function taskQueueOfErasures(): Promise<string> {
  const { id } = await addCustomer('Яков Княжнин', {});
  const ordered = await erase(id);
  return (await temporal.client.workflow.getHandle(erasureWorkflowId(ordered.id)).describe()).taskQueue;
}

/** All texts in a history, those in its payloads too, a line each. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsIn) : [];
}
async function historyOf(workflowId: string): Promise<string> {
  return textsIn(await temporal.client.workflow.getHandle(workflowId).fetchHistory()).join('\n');
}

describe('erasing a customer', () => {
  test('leaves no name, number, address or word of theirs in any table, and no recording; figures and pseudonym stay', async () => {
    const { phone, digits, written } = newNumber();
    const person = { emails: ['afanasy.fet@example.org'], company: 'Воробьёвка', note: 'Любит розы' };
    const { id } = await addCustomer('Афанасий Фет', { phones: [phone], ...person });
    const { db } = product.database;
    await talkWithRecording(phone, id);
    const missed = product.pbx.incoming({ from: phone });
    await missed.ring('102');
    await missed.giveUp();
    await missed.finish();
    // Reached nobody: a call of that number without customer or ticket.
    const menu = product.pbx.incoming({ from: phone });
    await menu.menu();
    await menu.hangUp();
    await menu.finish();
    const letter = await product.anna.post<{ id: string }>('/api/tickets', {
      ...{ subject: 'Фет просит перезвонить', channel: 'email', customerId: id },
      message: { type: 'reply', body: `Мой номер 8 (${digits.slice(0, 3)}) ${digits.slice(3)}`, author: 'customer' },
    });
    await product.anna.post(`/api/tickets/${letter.id}/messages`, { type: 'note', body: 'Шёпот, робкое дыханье' });
    await eventually(
      () => ticketsOf(id),
      (tickets) => tickets.length === 3,
    );
    await over(id);
    const hints = [digits, written, 'фет', 'afanasy', 'воробьёвка', 'розы', 'дыханье'];
    expect(linesWith(await dumpOf(db), ...hints).length).toBeGreaterThan(10);
    const statistics = `/api/statistics/load?from=2020-01-01T00:00:00Z&to=2040-01-01T00:00:00Z&tz=UTC`;
    const figures = await eventually(
      () => product.admin.get<{ figures: Record<string, number>; behind?: number }>(statistics),
      ({ figures: { withReply } }) => (withReply ?? 0) > 0,
    );
    const audioBefore = files();
    const preview = await product.admin.get<ErasurePreview>(`/api/customers/${id}/erasure`);
    expect(preview).toMatchObject({ phones: 1, sharedPhones: 0, emails: 1, tickets: 3, calls: 3, openCalls: 0 });
    expect(preview.recordings).toBeGreaterThanOrEqual(1);

    const erased = await erase(id);

    expect(linesWith(await dumpOf(db), ...hints)).toEqual([]);
    expect(files()).toHaveLength(audioBefore.length - 1);
    expect(erased.counts).toMatchObject({ profile: 1, phones: 1, emails: 1, tickets: 3, calls: 3, recordings: 1 });
    const subjects = (await ticketsOf(id)).map(({ subject }) => subject).sort();
    expect(subjects).toEqual(['Входящий звонок', 'Обращение', 'Пропущенный звонок']);
    const [ticket] = await ticketsOf(id);
    const shown = await product.anna.get<{ customer: { fullName: string } }>(`/api/tickets/${ticket?.id}`);
    expect(shown.customer.fullName).toBe(`Удалённый пользователь № ${erased.number}`);
    expect((await product.anna.request('GET', `/api/customers/${id}`)).status).toBe(404);
    const talked = await db('recordings').where({ reason: 'erased' });
    expect(talked).toHaveLength(1);
    expect((await product.admin.get<typeof figures>(statistics)).figures).toEqual(figures.figures);
    expect(await db('erasure_identifiers')).toEqual([]);
  });

  test('the log of destruction has a line, exported with the fields of order № 179; the order stands in the audit log', async () => {
    const { phone } = newNumber();
    const { id } = await addCustomer('Фёдор Тютчев', { phones: [phone] });
    const { number } = await erase(id);
    const { items } = await product.admin.get<{ items: Destruction[] }>('/api/destruction-log?cause=erasure');
    const line = items.find(({ subject }) => subject?.customerId === id);
    expect(line).toMatchObject({
      reason: 'request',
      orderedBy: 'Админ',
      texts: 'erase',
      categories: expect.arrayContaining([
        { category: 'profile', count: 1 },
        { category: 'phones', count: 1 },
      ]),
    });
    const response = await fetch(`${product.url}/api/destruction-log?format=csv`, { headers: { cookie: product.admin.cookie } });
    expect(response.headers.get('content-disposition')).toContain('destruction-log.csv');
    const csv = await response.text();
    expect(csv.split('\r\n')[0]).toBe(
      'Дата уничтожения (Europe/Moscow);Субъект персональных данных;Перечень категорий уничтоженных данных;Информационная система;Причина уничтожения;Способ уничтожения;Кто распорядился;Дата распоряжения;Темы и сообщения',
    );
    expect(csv).toContain(`Удалённый пользователь № ${number} (${id})`);
    expect(csv).toContain('Требование субъекта');
    const audit = await product.admin.get<{ items: { action: string; subject: string }[] }>('/api/audit?pageSize=200');
    expect(audit.items).toContainEqual(expect.objectContaining({ action: 'customer.erasure_ordered', subject: id }));
    expect(audit.items).toContainEqual(expect.objectContaining({ action: 'destruction_log.exported' }));
  });

  test('histories hold ids alone', async () => {
    const { phone, digits } = newNumber();
    const { id } = await addCustomer('Евгений Баратынский', { phones: [phone], emails: ['muza@example.org'] });
    await talkWithRecording(phone, id);
    await over(id);
    const [call] = (await product.database.db('calls').where({ customer_id: id })) as { workflow_id: string }[];
    const erased = await erase(id);
    const histories = [await historyOf(call?.workflow_id ?? ''), await historyOf(`erasure:${erased.id}`)];
    for (const history of histories) {
      expect(history.length).toBeGreaterThan(1000);
      expect(linesWith(history, digits, 'Баратынский', 'muza@')).toEqual([]);
    }
    // The check can fail: what is in the payloads is read.
    expect(histories[1]).toContain(`{"erasureId":"${erased.id}"`);
    expect(histories[0]).toContain('"callId"');
  });

  test('a later call from the number makes another customer, also a repeat of an old event says nothing', async () => {
    const { phone, digits } = newNumber();
    const { id } = await addCustomer('Николай Некрасов', { phones: [phone] });
    await talkWithRecording(phone, id);
    await over(id);
    const sent = product.pbx.log.sent.filter(({ json }) => json.includes(digits)).at(-1);
    await erase(id);
    await product.pbx.send(sent?.path ?? '', JSON.parse(sent?.json ?? '{}') as never);
    expect(linesWith(await dumpOf(product.database.db), digits)).toEqual([]);
    await talk(phone);
    const found = await eventually(
      () => product.admin.get<{ items: Customer[] }>(`/api/customers?q=${digits}`),
      ({ items }) => items.length === 1,
    );
    expect(found.items[0]?.id).not.toBe(id);
  });

  test('what comes late of an erased call is kept without its number', async () => {
    const { phone, digits } = newNumber();
    const { id } = await addCustomer('Аполлон Майков', { phones: [phone] });
    await talkWithRecording(phone, id);
    await over(id);
    const sent = product.pbx.log.sent.findLast(({ path, json }) => path.endsWith('events/call') && json.includes(digits));
    await erase(id);
    const late = JSON.parse(sent?.json ?? '{}') as Record<string, unknown>;
    await product.pbx.send('/events/call', { ...late, call_id: 'bGF0ZQ==', seq: 77 } as never);
    const row = await eventually(
      async () =>
        (await product.database.db('inbox').where({ why: 'customer_erased' }).whereLike('key', '%bGF0ZQ==%').first()) as
          { verdict: string; raw: string | null } | undefined,
      (found) => found !== undefined,
    );
    expect(row).toMatchObject({ verdict: 'ignored', raw: null });
    expect(linesWith(await dumpOf(product.database.db), digits)).toEqual([]);
  });

  test('a talk that goes on is let finish; nothing of it is left either', async () => {
    const { phone, digits, written } = newNumber();
    const { id } = await addCustomer('Яков Полонский', { phones: [phone] });
    const call = product.pbx.incoming({ from: phone });
    await call.ring('0103');
    await call.answer('0103');
    await eventually(
      async () => (await product.database.db('conversations').where({ customer_id: id })) as unknown[],
      (rows) => rows.length === 1,
    );
    const { id: erasureId } = await product.admin.post<Erasure>(`/api/customers/${id}/erasure`, {
      ...{ reason: 'consent_withdrawn', texts: 'erase' },
    });
    const state = async () => (await product.admin.get<Erasure>(`/api/erasures/${erasureId}`)).state;
    await eventually(state, (now) => now === 'blocked');
    expect((await product.admin.request('PATCH', `/api/customers/${id}`, { fullName: 'Снова Полонский' })).status).toBe(404);
    await call.pass(10);
    expect(await state()).toBe('blocked');
    await call.hangUp();
    await call.finish();
    await eventually(state, (now) => now === 'done');
    expect(linesWith(await dumpOf(product.database.db), digits, written, 'Полонский')).toEqual([]);
    expect((await ticketsOf(id)).map(({ subject }) => subject)).toEqual(['Входящий звонок']);
  });

  test('one that Temporal has forgotten is taken up again, one that an admin stopped is not', async () => {
    const { db } = product.database;
    const { client } = temporal;
    const taskQueue = await taskQueueOfErasures();
    const withoutWorkflow = async (fullName: string): Promise<string> => {
      const { id } = await addCustomer(fullName, { phones: [newNumber().phone] });
      const order = { customer_id: id, reason: 'request', texts: 'erase', ordered_by: product.admin.agentId };
      const [row] = (await db('erasures').insert(order, ['id'])) as { id: string }[];
      return row?.id ?? '';
    };
    const [forgotten, stopped] = [await withoutWorkflow('Аполлон Майков'), await withoutWorkflow('Яков Полонский')];
    const noWorker = { workflowId: erasureWorkflowId(stopped), taskQueue: 'nobody', args: [{ erasureId: stopped }] };
    await (await client.workflow.start('erasure', noWorker)).terminate();
    for (let i = 0; i < 2; i++) {
      await client.workflow.execute('mend', { workflowId: `mend ${randomUUID()}`, taskQueue, args: [{}] });
    }
    await eventually(
      async () => (await db('erasures').where({ id: forgotten }).first('state')) as { state: string },
      ({ state }) => state === 'done',
    );
    expect(linesWith(await dumpOf(db), 'Майков')).toEqual([]);
    expect(await db('destruction_log').where({ erasure_id: forgotten })).toHaveLength(1);
    expect(await db('erasures').where({ id: stopped }).first('state')).toEqual({ state: 'ordered' });
  });

  test('texts can be kept, without the name, the number and the address', async () => {
    const { phone, digits } = newNumber();
    const { id } = await addCustomer('Козьма Прутков', { phones: [phone], emails: ['kozma@example.org'] });
    const { id: ticketId } = await product.anna.post<{ id: string }>('/api/tickets', {
      ...{ subject: 'Прутков: бди!', channel: 'email', customerId: id },
      message: { type: 'reply', body: `Зри в корень. ${phone}, kozma@example.org`, author: 'customer' },
    });
    await erase(id, 'keep');
    const log = await product.admin.get<{ items: Destruction[] }>('/api/destruction-log?cause=erasure');
    expect(log.items.find(({ subject }) => subject?.customerId === id)).toMatchObject({ texts: 'keep' });
    const kept = await product.anna.get<{ subject: string; messages: { body: string }[] }>(`/api/tickets/${ticketId}`);
    expect([kept.subject, kept.messages[0]?.body]).toEqual(['***: бди!', 'Зри в корень. ***, ***']);
    expect(linesWith(await dumpOf(product.database.db), digits, 'Прутков', 'kozma')).toEqual([]);
  });

  test('a number that another customer has, too, stays with that one', async () => {
    const { phone, digits } = newNumber();
    const one = await addCustomer('Алексей Жемчужников', { phones: [phone] });
    const other = await addCustomer('Владимир Жемчужный', { phones: [phone] });
    expect(await product.admin.get<ErasurePreview>(`/api/customers/${one.id}/erasure`)).toMatchObject({
      phones: 0,
      sharedPhones: 1,
    });
    await erase(one.id);
    const { items } = await product.admin.get<{ items: Customer[] }>(`/api/customers?q=${digits}`);
    expect(items.map(({ id }) => id)).toEqual([other.id]);
    expect(linesWith(await dumpOf(product.database.db), 'Жемчужников')).toEqual([]);
  });

  test('it is ordered once, by an admin, of a customer who is there', async () => {
    const { id } = await addCustomer('Иван Никитин', {});
    const order = { reason: 'request', texts: 'erase' };
    expect((await product.anna.request('POST', `/api/customers/${id}/erasure`, order)).status).toBe(403);
    expect((await product.anna.request('GET', `/api/customers/${id}/erasure`)).status).toBe(403);
    const [first, second] = await Promise.all(
      [1, 2].map(() => product.admin.post<Erasure>(`/api/customers/${id}/erasure`, order)),
    );
    expect(first?.id).toBe(second?.id);
    const nobody = '00000000-0000-4000-8000-000000000000';
    expect((await product.admin.request('POST', `/api/customers/${nobody}/erasure`, order)).status).toBe(404);
  });
});
