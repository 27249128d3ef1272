import type { Product, Visitor } from '../support/product.ts';

/** What stands on the pages: addresses, and people who can call. */
export interface Scene {
  readonly ticketId: string;
  readonly talkTicketId: string;
  readonly missedTicketId: string;
  /** Of a customer with two numbers. */
  readonly twoNumbersTicketId: string;
  readonly customerId: string;
  /** A customer with tickets, for calls that ring. */
  readonly known: { readonly id: string; readonly phone: string; readonly fullName: string };
  readonly emptyCustomerId: string;
  /** The call behind the talk's ticket. */
  readonly talkCallId: string;
  /** A link by which somebody invited comes in. */
  readonly invitationPath: string;
}

const PEOPLE = [
  ['Анна Белова', 'ООО «Ромашка»', 'Просит звонить после обеда.', '+79161112233'],
  ['Константин Константинопольский-Задунайский', 'АО «Северо-Западная энергетическая компания»', '', '+79219998877'],
  ['Игорь Савельев', '', 'Постоянный покупатель с 2019 года.', '+79035556677'],
  ['Елена Гордеева', 'ИП Гордеева', '', '+79104443322'],
  ['Тимур Ахметов', 'ТОО «Алатау»', 'Звонить по-русски или по-казахски.', '+77012223344'],
  ['Sophie Martin', 'Boulangerie Martin', '', '+33142685300'],
] as const;
const LETTERS = [
  ['Не приходит счёт за октябрь', 'email', 'Добрый день! Счёт так и не пришёл, проверьте, пожалуйста, адрес.', 'open'],
  ['Вернуть товар', 'web', 'Размер не подошёл. Как оформить возврат?', 'pending'],
  ['Доставка в субботу?', 'messenger', 'Можно привезти в субботу до двух?', 'open'],
  ['Как сменить тариф', 'chat', 'Хочу перейти на годовой.', 'closed'],
  ['Акт сверки за третий квартал и уточнение реквизитов для договора № 118/2026', 'email', 'Пришлите акт.', 'open'],
  ['Спасибо за помощь!', 'social', 'Всё заработало.', 'closed'],
] as const;

async function call(product: Product, from: string | null, to: string, talkSeconds: number | null): Promise<void> {
  const incoming = product.pbx.incoming({ from });
  await incoming.ring(to);
  if (talkSeconds === null) await incoming.giveUp();
  else {
    await incoming.answer(to);
    await incoming.pass(talkSeconds);
    await incoming.hangUp();
  }
  await incoming.finish();
}

async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (let left = 200; left > 0; left -= 1) {
    const found = await read();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('What the pictures are to show did not come about within 20 s');
}

interface Found {
  readonly items: readonly { readonly id: string; readonly missedCount: number; readonly handset: string | null }[];
}
interface Talked {
  readonly messages: readonly { readonly conversation: { readonly callId: string } | null }[];
}
const ticketsOf = (by: Visitor, customerId: string): Promise<Found> =>
  by.get<Found>(`/api/tickets?customerId=${customerId}&channel=call`);

/** As if it had happened some hours ago. */
async function backdate({ database: { db } }: Product, ticketId: string, hours: number): Promise<void> {
  const back = `- interval '${hours} hours'`;
  const shift = async (table: string, key: string, columns: readonly string[]): Promise<void> => {
    const set = columns.map((column) => `${column} = ${column} ${back}`).join(', ');
    await db.raw(`update ${table} set ${set} where ${key} = ?`, [ticketId]);
  };
  await shift('conversations', 'ticket_id', ['started_at', 'answered_at', 'ended_at']);
  await shift('messages', 'ticket_id', ['created_at']);
  await shift('ticket_events', 'ticket_id', ['at']);
  await shift('tickets', 'id', ['created_at', 'updated_at', 'closed_at', 'last_missed_at']);
}

/** Some days of a small company's work: customers, letters, talks with recordings, missed calls and attempts. */
export async function makeScene(product: Product): Promise<Scene> {
  const { anna, boris, vera, admin } = product;
  const staff = [anna, boris, vera];
  await admin.post('/api/fields', { label: 'Номер договора', type: 'text', showOnCall: true });
  await admin.post('/api/fields', { label: 'Тариф', type: 'select', options: ['Базовый', 'Годовой'], showOnCall: false });
  const customers: { id: string; phone: string; fullName: string }[] = [];
  for (const [fullName, company, note, phone] of PEOPLE) {
    const emails = company ? [`client${customers.length}@example.org`] : [];
    const phones = customers.length === 2 ? [phone, '+78125550101'] : [phone];
    const { id } = await anna.post<{ id: string }>('/api/customers', { fullName, company, note, phones, emails });
    customers.push({ id, phone, fullName });
  }
  const { id: emptyCustomerId } = await anna.post<{ id: string }>('/api/customers', {
    fullName: 'Новый Клиент',
    phones: ['+79995550011'],
  });

  const letters: string[] = [];
  for (const [index, [subject, channel, body, status]] of LETTERS.entries()) {
    const by = staff[index % 3]!;
    const { id } = await by.post<{ id: string }>('/api/tickets', {
      ...{ subject, channel, customerId: customers[index % customers.length]!.id, assigneeId: index % 2 ? by.agentId : null },
      message: { type: 'reply', body, author: 'customer' },
    });
    letters.push(id);
    if (index !== 2)
      await by.post(`/api/tickets/${id}/messages`, {
        type: 'reply',
        body: 'Здравствуйте! Разбираемся и вернёмся с ответом сегодня.',
      });
    if (index % 2 === 0) await boris.post(`/api/tickets/${id}/messages`, { type: 'note', body: 'Уточнить у бухгалтерии.' });
    await by.request('PATCH', `/api/tickets/${id}`, { status });
  }

  const talks: string[] = [];
  for (const [index, { id, phone }] of customers.slice(0, 4).entries()) {
    await call(product, phone, ['101', '102', '0103', '101'][index]!, 70 + index * 45);
    const found = await until(async () => (await ticketsOf(anna, id)).items[0]);
    talks.push(found.id);
  }
  await until(async () => {
    const rows = (await product.database.db('recordings').where({ state: 'ready' }).select('id')) as unknown[];
    return rows.length >= talks.length ? rows : undefined;
  });

  const missed: string[] = [];
  const misses = [
    [customers[4]!, 3],
    [customers[1]!, 1],
    [customers[5]!, 2],
  ] as const;
  for (const [{ id, phone }, times] of misses) {
    for (let time = 0; time < times; time += 1) await call(product, phone, missed.length === 1 ? '102' : '101', null);
    const found = await until(async () =>
      (await ticketsOf(anna, id)).items.find(({ handset, missedCount }) => handset === 'red' && missedCount === times),
    );
    missed.push(found.id);
  }
  await call(product, null, '0103', null);
  await call(product, '+79265557788', '102', null);
  // Somebody has tried to call one of them back already.
  const attempt = product.pbx.outgoing({ from: '0103', to: customers[4]!.phone });
  await attempt.dial();
  await attempt.customerDoesNotAnswer();
  await attempt.finish();
  await until(async () => {
    const ticket = await anna.get<{ messages: readonly { code: string | null }[] }>(`/api/tickets/${missed[0]}`);
    return ticket.messages.some(({ code }) => code === 'call_attempt') ? ticket : undefined;
  });

  const ages: readonly (readonly [string, number])[] = [
    ...letters.map((id, index) => [id, 5 + index * 19] as const),
    ...talks.map((id, index) => [id, 2 + index * 26] as const),
    [missed[0]!, 61],
    [missed[1]!, 14],
    [missed[2]!, 3],
  ];
  for (const [id, hours] of ages) await backdate(product, id, hours);
  const talked = await anna.get<Talked>(`/api/tickets/${talks[0]}`);
  const { invitationUrl } = await admin.post<{ invitationUrl: string }>('/api/agents', {
    ...{ fullName: 'Глеб Новиков', email: 'gleb@demo.local', role: 'agent', team: 'Продажи' },
  });
  return {
    talkCallId: talked.messages.find(({ conversation }) => conversation)!.conversation!.callId,
    invitationPath: new URL(invitationUrl).pathname,
    ...{ ticketId: letters[0]!, talkTicketId: talks[0]!, missedTicketId: missed[0]!, twoNumbersTicketId: talks[2]! },
    ...{ customerId: customers[0]!.id, known: customers[0]!, emptyCustomerId },
  };
}
