import { hashPassword } from '../api/passwords.ts';
import { findAgentByEmail, insertAgent } from '../db/agents.ts';
import type { Db, Transaction } from '../db/pool.ts';
import type { Secrets } from '../db/secrets.ts';
import { generatePassword } from './first-admin.ts';

/** How the demo PBX is reached, and what it signs with. */
export interface DemoPbx {
  readonly port: number;
  /** Where the page of the demo phones steers it; on loopback. */
  readonly controlPort: number;
  readonly apiKey: string;
  readonly apiSalt: string;
}

interface DemoAgent {
  readonly fullName: string;
  readonly email: string;
  readonly extension: string;
}

/** The staff of the demo PBX, by the extensions it knows them by. */
export const DEMO_AGENTS: readonly DemoAgent[] = [
  { fullName: 'Анна Смирнова', email: 'anna@demo.local', extension: '101' },
  { fullName: 'Борис Кузнецов', email: 'boris@demo.local', extension: '102' },
  { fullName: 'Вера Орлова', email: 'vera@demo.local', extension: '0103' },
];

/** It rings for nobody who could take a call: theirs make no tickets, and the PBX account is set up to the last operator. */
const DEMO_ROBOT = { full_name: 'Робот-консультант', email: '', extension: '104', ignored: true } as const;

interface DemoCustomer {
  readonly fullName: string;
  readonly company: string;
  readonly note: string;
  readonly phones: readonly string[];
  readonly emails: readonly string[];
}

const DEMO_CUSTOMERS: readonly DemoCustomer[] = [
  {
    fullName: 'Иван Петров',
    company: 'ООО «Ромашка»',
    note: 'Договор № 118, звонить после обеда.',
    phones: ['+79161234567'],
    emails: ['petrov@romashka.example'],
  },
  {
    fullName: 'Ольга Сергеева',
    company: 'ИП Сергеева',
    note: '',
    phones: ['+79031112233', '+74957654321'],
    emails: ['olga@sergeeva.example'],
  },
  { fullName: 'Дмитрий Волков', company: 'АО «Север»', note: 'Ждёт замену роутера.', phones: ['+79219876543'], emails: [] },
  // One number, two people: the agent chooses who is calling.
  {
    fullName: 'Мария Лебедева',
    company: 'Школа № 7',
    note: 'Приёмная',
    phones: ['+78123334455'],
    emails: ['office@school7.example'],
  },
  { fullName: 'Пётр Лебедев', company: 'Школа № 7', note: 'Завхоз', phones: ['+78123334455'], emails: [] },
  {
    fullName: 'John Smith',
    company: 'Acme Ltd',
    note: 'English only.',
    phones: ['+442079460123'],
    emails: ['john@acme.example'],
  },
];

/** Whether calls of a real PBX account arrive here: then nothing of the demonstration is started. */
export async function hasRealPbx(db: Db): Promise<boolean> {
  const real = (await db('integrations').where({ kind: 'mango' }).whereNull('removed_at').first('id')) as unknown;
  return real !== undefined;
}

/** The demonstration is over; what it made stays, as tickets point at it. */
export async function retireDemo(db: Db): Promise<void> {
  await db('integrations').where({ kind: 'demo' }).whereNull('removed_at').update({ removed_at: db.fn.now() });
}

/**
 * Connects the demo PBX, with sample agents and customers the first time. Returns the password of the agents it made,
 * undefined if everything was there.
 */
export async function ensureDemo(db: Db, secrets: Secrets, pbx: Omit<DemoPbx, 'controlPort'>): Promise<string | undefined> {
  return db.transaction(async (trx) => {
    const known = (await trx('integrations').where({ kind: 'demo' }).orderBy('created_at').first('id')) as
      { id: string } | undefined;
    const facts = {
      api_url: `http://127.0.0.1:${pbx.port}`,
      api_key_encrypted: secrets.encrypt(pbx.apiKey),
      api_salt_encrypted: secrets.encrypt(pbx.apiSalt),
      api_key_hash: secrets.hashKey(pbx.apiKey),
      removed_at: null,
    };
    if (known) {
      await trx('integrations').where({ id: known.id }).update(facts);
      return undefined;
    }
    const [made] = (await trx('integrations').insert({ ...facts, kind: 'demo', name: 'Демо-АТС' }, ['id'])) as { id: string }[];
    const password = generatePassword();
    await insertAgents(trx, made?.id ?? '', password);
    for (const customer of DEMO_CUSTOMERS) await insertCustomer(trx, customer);
    return password;
  });
}

async function insertAgents(trx: Transaction, integrationId: string, password: string): Promise<void> {
  for (const { fullName, email, extension } of DEMO_AGENTS) {
    const values = { full_name: fullName, email, role: 'agent', access: 'all' } as const;
    const agent =
      (await findAgentByEmail(trx, email)) ??
      (await insertAgent(trx, { ...values, password_hash: await hashPassword(password) }));
    await trx('operators').insert({ integration_id: integrationId, extension, full_name: fullName, email, agent_id: agent.id });
  }
  await trx('operators').insert({ integration_id: integrationId, ...DEMO_ROBOT });
}

async function insertCustomer(trx: Transaction, customer: DemoCustomer): Promise<void> {
  const { fullName, company, note, phones, emails } = customer;
  const [row] = (await trx('customers').insert({ full_name: fullName, company, note }, ['id'])) as { id: string }[];
  const of = { customer_id: row?.id };
  await trx('customer_phones').insert(phones.map((phone, position) => ({ ...of, phone, position })));
  if (emails.length > 0) await trx('customer_emails').insert(emails.map((email, position) => ({ ...of, email, position })));
}
