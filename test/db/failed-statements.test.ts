import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../db/log.ts';
import { createPool, inTransaction, ownPool, type Executor } from '../../db/pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => void (database = await createTestDatabase()));
afterAll(() => database.drop());

const TYPED = 'Перезвоните мне «завтра»';
const FAILING: readonly (readonly [string, string, (db: Executor) => Promise<unknown>])[] = [
  ['breaks a rule of the table', '23502', (db) => db('tickets').insert({ subject: TYPED })],
  ['is cut off', '57014', (db) => db.raw('select ?::text, pg_sleep(9)', [TYPED]).timeout(50, { cancel: true })],
  ['names what is not there', '42P01', (db) => db.raw('select ?::text from nothing_there', [TYPED])],
  ['is given no number', '22P02', (db) => db.raw('select ?::integer', [TYPED])],
  ['is given no date', '22007', (db) => db.raw('select ?::timestamptz', [TYPED])],
  ['is given no JSON', '22P02', (db) => db.raw('select ?::jsonb', [`{"gist": "${TYPED}`])],
  ['is given a number too large', '22003', (db) => db.raw('select ?::text::integer', ['4711471147114711'])],
];

describe.each(FAILING)('a statement that %s', (_, code, fail) => {
  test.each([
    ['of the pool', false, (db: TestDatabase['db']) => fail(db)],
    ['of a prepared pool', true, (db: TestDatabase['db']) => fail(db)],
    ['in a transaction', false, (db: TestDatabase['db']) => inTransaction(db, fail)],
    [
      'of a pool beside it',
      true,
      async (db: TestDatabase['db']) => {
        const own = ownPool(db, 1);
        try {
          await fail(own);
        } finally {
          await own.destroy();
        }
      },
    ],
  ])('%s says which, and repeats nothing of what people typed', async (__, prepared, run) => {
    const db = createPool(database.url, { prepared, max: 2 });
    const error = await run(db).then(
      () => null,
      (reason: unknown) => reason as Error & { code?: string },
    );
    await db.destroy();
    expect(error?.code ?? error?.name).toMatch(new RegExp(`^(${code}|KnexTimeoutError)$`));
    let line = '';
    createLogger('test', { level: 'error', destination: { write: (text) => void (line += text) } }).error({ err: error }, 'x');
    for (const told of [line, error?.message, error?.stack]) expect(told).not.toMatch(/Перезвоните|завтра|4711/);
    if (error?.code) expect(error.message).toMatch(/select|insert into "tickets"/);
  });
});

test('what is said of names of the database stays: they are what an admin needs', async () => {
  await expect(database.db('tickets').insert({ subject: TYPED })).rejects.toThrow(
    /insert into "tickets" \("subject"\).*null value in column "\w+" of relation "tickets"/,
  );
});
