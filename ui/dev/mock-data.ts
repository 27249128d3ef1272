import type { Agent, Customer, Field, Integration, LiveCall, Message, Operator, Ticket } from '../../api/contract/index.ts';

/** A small helpdesk in memory: enough for every screen to have something to show. */
const HOUR = 3_600_000;
export const ago = (hours: number): string => new Date(Date.now() - hours * HOUR).toISOString();
export const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

export const agents: Agent[] = [
  ['Ольга Смирнова', 'admin@example.com', 'admin', true],
  ['Иван Кузнецов', 'ivan@example.com', 'agent', true],
  ['Мария Орлова', 'maria@example.com', 'agent', true],
  ['Пётр Васильев', 'petr@example.com', 'agent', false],
].map(([fullName, email, role, hasPassword], index) => ({
  id: uuid(index + 1),
  fullName: fullName as string,
  email: email as string,
  role: role as Agent['role'],
  access: 'all',
  team: null,
  active: true,
  hasPassword: hasPassword as boolean,
  secondFactor: false,
  createdAt: ago(900),
  deactivatedAt: null,
}));

export const customers: Customer[] = [
  ['Анна Белова', ['+79123456789', '+74951234567'], ['anna.belova@romashka.ru'], 'ООО «Ромашка»', 'Просит звонить после обеда'],
  ['Сергей Климов', ['+79031112233'], ['klimov@mail.ru'], 'ИП Климов', ''],
  ['Екатерина Длиннофамильная-Преображенская', ['+79265550101'], [], 'Научно-производственное объединение «Северное сияние»', ''],
  ['Дмитрий Фёдоров', ['+79161230000'], ['d.fedorov@example.org'], '', ''],
  ['Jonas Weber', ['+4915112345678'], ['jonas.weber@example.de'], 'Weber GmbH', 'Говорит по-английски'],
  ['Наталья Громова', ['+79857770077'], [], 'ООО «Вектор»', ''],
].map(([fullName, phones, emails, company, note], index) => ({
  id: uuid(100 + index),
  fullName: fullName as string,
  phones: phones as string[],
  emails: emails as string[],
  company: company as string,
  note: note as string,
  customFields: index === 0 ? { tariff: 'Бизнес', contract: 'Д-2291' } : {},
}));

export const fields: Field[] = [
  ['fullName', 'Полное имя', true, true],
  ['emails', 'Email-адрес', true, true],
  ['phones', 'Телефон', true, false],
  ['company', 'Компания', true, true],
  ['note', 'Заметка', true, false],
  ['tariff', 'Тариф', false, true],
  ['contract', 'Номер договора', false, false],
].map(([key, label, builtIn, showOnCall], position) => ({
  id: uuid(200 + position),
  key: key as string,
  label: label as string,
  type: key === 'tariff' ? 'select' : key === 'note' ? 'multiline' : 'text',
  options: key === 'tariff' ? ['Базовый', 'Бизнес'] : [],
  position,
  builtIn: builtIn as boolean,
  showOnCall: showOnCall as boolean,
}));

export const integrations: Integration[] = [
  {
    id: uuid(300),
    kind: 'mango',
    name: 'Mango Office',
    apiUrl: 'https://app.mango-office.ru/vpbx/',
    hasSecret: true,
    fromEnvironment: false,
    webhookUrl: 'https://help.example.com/mango',
    createdAt: ago(900),
    lastEventAt: ago(0.2),
    operatorsReadAt: ago(20),
    operators: { total: 4, mapped: 2, ignored: 1, unmapped: 1 },
  },
];
export const operators: Operator[] = [
  ['101', 'Ольга Смирнова', 'admin@example.com', uuid(1), false, null],
  ['102', 'Иван Кузнецов', 'ivan@example.com', uuid(2), false, null],
  ['103', 'Мария Орлова', 'maria@example.com', null, false, uuid(3)],
  ['900', 'Автоответчик', null, null, true, null],
].map(([extension, fullName, email, agentId, ignored, suggestedAgentId], index) => ({
  id: uuid(400 + index),
  integrationId: uuid(300),
  extension: extension as string,
  fullName: fullName as string,
  email: email as string | null,
  devices: [],
  agentId: agentId as string | null,
  ignored: ignored as boolean,
  suggestedAgentId: suggestedAgentId as string | null,
  present: true,
}));

let messageId = 1;
type Parts = Partial<Omit<Message, 'conversation'>> & { conversation?: Partial<NonNullable<Message['conversation']>> };
export function message({ conversation, ...parts }: Parts): Message {
  const agent = agents[0]!;
  const at = parts.createdAt ?? new Date().toISOString();
  return {
    id: String(messageId++),
    type: 'reply',
    author: { type: 'agent', id: agent.id, fullName: agent.fullName },
    body: '',
    code: null,
    params: {},
    createdAt: at,
    ...parts,
    conversation: conversation
      ? {
          id: `c${messageId}`,
          callId: uuid(7000 + messageId),
          agent: { id: agent.id, fullName: agent.fullName },
          direction: 'incoming',
          outcome: 'talked',
          startedAt: at,
          answeredAt: at,
          endedAt: at,
          talkSeconds: 222,
          recording: conversation.recordings?.[0] ?? null,
          recordings: [],
          ...conversation,
        }
      : null,
  };
}
export const ready = (n: number, durationSeconds = 42) => ({
  id: uuid(5000 + n),
  state: 'ready' as const,
  reason: null,
  url: `/api/recordings/${uuid(5000 + n)}`,
  durationSeconds,
});
const missing = (n: number, reason: string | null) => ({
  id: uuid(5000 + n),
  state: reason ? ('unavailable' as const) : ('pending' as const),
  reason,
  url: null,
  durationSeconds: null,
});
const system = { type: 'system' as const, author: { type: 'system' as const, id: null, fullName: null } };
const missedCall = (hours: number): Message =>
  message({
    ...system,
    code: 'missed_call',
    createdAt: ago(hours),
    conversation: { outcome: 'missed', talkSeconds: null, agent: null },
  });

let number = 1040;
type TicketParts = Partial<Ticket> & Pick<Ticket, 'subject'>;
export function ticket(parts: TicketParts): Ticket {
  number += 1;
  return {
    id: String(number - 1000),
    number,
    status: 'open',
    channel: 'call',
    kind: 'incoming',
    handset: 'green',
    phone: null,
    customer: null,
    assignee: null,
    missedCount: 0,
    lastMissedAt: null,
    createdAt: ago(50),
    updatedAt: ago(1),
    closedAt: null,
    messages: [],
    ...parts,
  };
}
const who = (index: number) => ({ id: customers[index]!.id, fullName: customers[index]!.fullName });
const whose = (index: number) => ({ id: agents[index]!.id, fullName: agents[index]!.fullName });
const written = { kind: null, handset: null, phone: null } as const;

export const tickets: Ticket[] = [
  ticket({
    subject: 'Не пришёл счёт за октябрь',
    status: 'pending',
    phone: '+79123456789',
    customer: who(0),
    assignee: whose(0),
    updatedAt: ago(0.3),
    messages: [
      message({
        body: 'Клиент не получил счёт. Отправила повторно на почту, проверит и перезвонит.\nЗаодно спросил про переход на тариф «Бизнес».',
        createdAt: ago(26),
        conversation: { recordings: [ready(1, 222)] },
      }),
      message({
        type: 'note',
        author: { type: 'agent', ...whose(1) },
        body: 'Бухгалтерия: счёт ушёл на старый адрес, исправили.',
        createdAt: ago(25),
      }),
      message({
        ...system,
        code: 'call_attempt',
        author: { type: 'agent', ...whose(1) },
        createdAt: ago(3),
        conversation: { direction: 'outgoing', outcome: 'unanswered', talkSeconds: null },
      }),
      message({
        body: '',
        createdAt: ago(0.3),
        conversation: { direction: 'outgoing', talkSeconds: 61, recordings: [missing(2, null)] },
      }),
    ],
  }),
  ticket({
    subject: 'Пропущенный звонок с +7 903 111-22-33',
    kind: 'missed',
    handset: 'red',
    phone: '+79031112233',
    customer: who(1),
    missedCount: 5,
    lastMissedAt: ago(0.1),
    updatedAt: ago(0.1),
    messages: [missedCall(4), missedCall(3), missedCall(2), missedCall(1), missedCall(0.1)],
  }),
  ticket({
    subject: 'Пропущенный звонок с +7 926 555-01-01',
    kind: 'missed',
    handset: 'red',
    phone: '+79265550101',
    customer: who(2),
    assignee: whose(1),
    missedCount: 1,
    lastMissedAt: ago(13),
    updatedAt: ago(13),
    messages: [missedCall(13)],
  }),
  ticket({
    subject: 'Пропущенный звонок со скрытого номера',
    kind: 'missed',
    handset: 'red',
    missedCount: 1,
    lastMissedAt: ago(40),
    updatedAt: ago(40),
    messages: [missedCall(40)],
  }),
  ticket({
    subject: 'Входящий звонок с +7 916 123-00-00',
    phone: '+79161230000',
    customer: who(3),
    assignee: whose(0),
    updatedAt: ago(5),
    messages: [message({ createdAt: ago(5), conversation: { talkSeconds: 3, recordings: [missing(3, 'too_short')] } })],
  }),
  ticket({
    subject:
      'Договор на обслуживание: согласовать приложение № 3 и прислать скан с подписью до конца недели, иначе перенос на следующий квартал',
    kind: 'outgoing',
    status: 'closed',
    closedAt: ago(30),
    phone: '+4915112345678',
    customer: who(4),
    assignee: whose(2),
    updatedAt: ago(30),
    messages: [
      message({
        author: { type: 'agent', ...whose(2) },
        body: 'Согласовали.',
        createdAt: ago(30),
        conversation: { direction: 'outgoing', recordings: [missing(4, 'pbx_unreachable')] },
      }),
    ],
  }),
  ticket({
    subject: 'Пропущенный звонок с +7 985 777-00-77',
    kind: 'missed',
    status: 'pending',
    phone: '+79857770077',
    customer: who(5),
    assignee: whose(2),
    missedCount: 2,
    lastMissedAt: ago(60),
    updatedAt: ago(55),
    messages: [
      missedCall(61),
      missedCall(60),
      message({
        body: 'Перезвонили, вопрос решён.',
        createdAt: ago(55),
        conversation: { direction: 'outgoing', recordings: [ready(6, 95)] },
      }),
    ],
  }),
  ticket({
    ...written,
    subject: 'Как выгрузить отчёт в Excel?',
    channel: 'email',
    customer: who(3),
    assignee: whose(1),
    updatedAt: ago(2),
    messages: [
      message({ author: { type: 'customer', ...who(3) }, body: 'Добрый день! Не нахожу кнопку выгрузки.', createdAt: ago(4) }),
      message({
        author: { type: 'agent', ...whose(1) },
        body: 'Здравствуйте! Кнопка «Выгрузить» — над таблицей справа.',
        createdAt: ago(2),
      }),
    ],
  }),
  ticket({
    ...written,
    subject: 'Чат с сайта: доставка',
    channel: 'chat',
    customer: who(5),
    status: 'closed',
    closedAt: ago(70),
    updatedAt: ago(70),
  }),
  ...Array.from({ length: 70 }, (_, index) =>
    ticket({
      subject: `Входящий звонок с +7 900 ${String(100 + index)}-00-${String(10 + index)}`,
      phone: `+7900${100 + index}00${10 + index}`,
      status: (['open', 'pending', 'closed'] as const)[index % 3]!,
      closedAt: index % 3 === 2 ? ago(100 + index) : null,
      kind: index % 4 ? 'incoming' : 'outgoing',
      customer: index % 5 ? who(index % 6) : null,
      assignee: index % 7 ? whose(index % 4) : null,
      createdAt: ago(120 + index * 9),
      updatedAt: ago(100 + index * 9),
    }),
  ),
];

export const calls = new Map<string, LiveCall>();
