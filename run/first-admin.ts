import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { hashPassword, isTrivialPassword, verifyPassword } from '../api/passwords.ts';
import { findAgentByEmail, insertAgent, updateAgent } from '../db/agents.ts';
import { recordAudit } from '../db/audit.ts';
import { readConfig } from '../db/config.ts';
import { createPool, type Db, type Transaction } from '../db/pool.ts';
import { switchOff } from '../db/second-factors.ts';
import { endSessionsOf } from '../db/sessions.ts';
import { say, StartError } from './console.ts';

/** Letters and digits that nobody mistakes for one another. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const LOCK = 7_282_010;

export interface AdminWishes {
  readonly email: string | undefined;
  readonly password: string | undefined;
}

export interface NewAdmin {
  readonly email: string;
  /** What to tell the person; undefined where the environment gave it. */
  readonly generatedPassword: string | undefined;
}

/** Four groups of five: some hundred bits, and still typed without a mistake. */
export function generatePassword(): string {
  const letters = (count: number): string => Array.from({ length: count }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return Array.from({ length: 4 }, () => letters(5)).join('-');
}

/**
 * Somebody must be able to sign in: makes an admin where there is none. An ADMIN_PASSWORD in the environment wins over the one stored,
 * so that whoever runs the service can always get in; a second factor goes with the old password. Returns the admin it made, undefined if there was nothing to make.
 */
export async function ensureAdmin(db: Db, wishes: AdminWishes): Promise<NewAdmin | undefined> {
  const email = wishes.email ?? 'admin@localhost';
  if (wishes.password !== undefined && isTrivialPassword(wishes.password, email)) {
    throw new StartError('ADMIN_PASSWORD is one of the first anybody would guess: choose another');
  }
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(?)', [LOCK]);
    const known = await findAgentByEmail(trx, email);
    if (wishes.password === undefined && (await anyAdmin(trx))) return undefined;
    if (!known) return insertAdmin(trx, email, wishes.password);
    if (wishes.password !== undefined && known.role === 'admin' && !known.deactivated_at) {
      if (await verifyPassword(known.password_hash, wishes.password)) return undefined;
    }
    const password = wishes.password ?? generatePassword();
    await updateAgent(trx, known.id, { role: 'admin', password_hash: await hashPassword(password), deactivated_at: null });
    await switchOff(trx, known.id);
    await endSessionsOf(trx, known.id);
    await recordAudit(trx, { agentId: null, address: null, action: 'agent.admin_restored', subject: known.id });
    return { email, generatedPassword: wishes.password === undefined ? password : undefined };
  });
}

async function insertAdmin(trx: Transaction, email: string, given: string | undefined): Promise<NewAdmin> {
  const password = given ?? generatePassword();
  const { id } = await insertAgent(trx, {
    full_name: 'Администратор',
    email,
    role: 'admin',
    access: 'all',
    password_hash: await hashPassword(password),
  });
  await recordAudit(trx, { agentId: null, address: null, action: 'agent.created', subject: id, detail: { role: 'admin' } });
  return { email, generatedPassword: given === undefined ? password : undefined };
}

async function anyAdmin(trx: Transaction): Promise<boolean> {
  const admin = (await trx('agents')
    .where({ role: 'admin' })
    .whereNull('deactivated_at')
    .whereNotNull('password_hash')
    .first('id')) as unknown;
  return admin !== undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const config = readConfig({ TEMPORAL_ADDRESS: 'not-needed:7233', ...process.env });
  if (!config.adminEmail || !config.adminPassword)
    throw new StartError('ADMIN_EMAIL and ADMIN_PASSWORD are not set: who shall be the first admin?');
  const db = createPool(config.databaseUrl, { max: 1 });
  const made = await ensureAdmin(db, { email: config.adminEmail, password: config.adminPassword });
  say(made ? `${made.email} is an admin now` : 'There is an admin already');
  await db.destroy();
}
