import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startFactsRefresher } from '../../activities/facts-refresher.ts';
import { createLogger } from '../../db/log.ts';
import { announce, settleRecording } from '../../db/recordings.ts';
import { checkFacts, rebuildFacts, refreshFacts } from '../../db/statistics/facts.ts';
import { checkRollUps, rebuildRollUps } from '../../db/statistics/roll-ups.ts';
import { statisticsOf, type StatisticsAnswer } from '../../db/statistics/sections.ts';
import { inSnapshot } from '../../db/statistics/snapshot.ts';
import { addMessage, changeTicket, createTicket, lockTicket, SYSTEM, type Actor, type TicketRow } from '../../db/tickets.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { store, type Targets } from './histories.ts';

let database: TestDatabase;
let agent: Actor & { readonly type: 'agent' };
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

const none = { first: null, any: null, close: null };
const NO_TARGETS: Targets = { call: none, email: none, chat: none, web: none, messenger: none, social: none };
beforeEach(async () => {
  const { agentIds } = await store(database.db, { agents: 1, histories: [], targets: NO_TARGETS });
  agent = { type: 'agent', id: agentIds[0] as string };
});

const ticket = (channel: 'email' | 'call' = 'email'): Promise<TicketRow> =>
  database.db.transaction((trx) =>
    createTicket(
      trx,
      {
        subject: 'Вопрос',
        status: 'open',
        channel,
        kind: channel === 'call' ? 'incoming' : null,
        phone: null,
        customerId: null,
        assigneeId: agent.id,
        automatic: true,
      },
      { actor: SYSTEM, rule: 'S2a' },
    ),
  );

const ask = (section: 'load' | 'team' = 'load'): Promise<StatisticsAnswer> =>
  statisticsOf(database.db, {
    section,
    period: { from: Date.now() - 3_600_000, to: Date.now() + 3_600_000 },
    timeZone: 'UTC',
    filter: {},
    viewer: { agentId: agent.id, role: 'admin', access: 'all' },
    compare: false,
  });

const factCount = async (): Promise<number> => Number((await database.db('statistics_facts').count('* as n').first())?.['n']);

describe('Facts', () => {
  test('hold what was committed when the question came, and nothing that was not', async () => {
    const { db } = database;
    const { id } = await ticket();
    const open = await db.transaction();
    const row = (await lockTicket(open, id)) as TicketRow;
    await changeTicket(open, row, { status: 'closed' }, { actor: agent });
    expect((await ask()).figures).toMatchObject({ newTickets: 1, inWork: 0, closed: 0 });
    await open.commit();
    expect((await ask()).figures).toMatchObject({ newTickets: 1, inWork: 1, closed: 1 });
    await expect(
      db.transaction(async (trx) => {
        await addMessage(trx, (await lockTicket(trx, id)) as TicketRow, { type: 'reply', author: agent }, { actor: agent });
        throw new Error('Never happened');
      }),
    ).rejects.toThrow('Never happened');
    expect((await ask()).figures).toMatchObject({ withReply: 0 });
  });

  test('lose nothing while many write and several bring them up to date', async () => {
    const { db } = database;
    const rows = await Promise.all([1, 2, 3].map(() => ticket()));
    const write = async (row: TicketRow, round: number): Promise<void> => {
      await db.transaction(async (trx) => {
        const locked = (await lockTicket(trx, row.id)) as TicketRow;
        await addMessage(trx, locked, { type: 'reply', author: agent, writingSeconds: round }, { actor: agent });
        await changeTicket(trx, locked, { status: round % 2 ? 'closed' : 'open' }, { actor: agent });
      });
    };
    await Promise.all([
      ...rows.map(async (row) => {
        for (let round = 1; round <= 15; round++) await write(row, round);
      }),
      ...[1, 2].map(async () => {
        for (let round = 1; round <= 15; round++) await refreshFacts(db);
      }),
    ]);
    expect((await ask('team')).figures).toMatchObject({ newTickets: 3, totalReplies: 45, inWork: 3, withReply: 3, closed: 3 });
    expect(await checkFacts(db)).toEqual([]);
  });

  test('that went wrong are found by the check and put right by the rebuild', async () => {
    const { db } = database;
    const [first, second] = [await ticket(), await ticket()];
    await refreshFacts(db);
    await db('statistics_facts').where({ ticket_id: first.id }).delete();
    await db('statistics_facts').where({ ticket_id: second.id }).update({ incoming: true });
    expect(await checkFacts(db)).toEqual([first.id, second.id]);
    expect(await rebuildFacts(db)).toBe(2);
    expect(await checkFacts(db)).toEqual([]);
    expect(await rebuildFacts(db)).toBe(0);
  });

  test('are checked and rebuilt from the command line', { timeout: 60_000 }, async () => {
    const command = (verb: string) =>
      promisify(execFile)(process.execPath, ['--import', 'tsx', 'db/statistics/command.ts', verb], {
        env: { ...process.env, DATABASE_URL: database.url },
      });
    const { id } = await ticket();
    expect((await command('check')).stdout).toBe('All facts agree with the source, and what is kept of them with the facts\n');
    await database.db('statistics_facts').delete();
    await expect(command('check')).rejects.toMatchObject({ code: 1, stdout: `Wrong: tickets ${id}\n` });
    expect((await command('rebuild')).stdout).toBe('1 facts were wrong and are right now\n');
    expect((await command('check')).stdout).toBe('All facts agree with the source, and what is kept of them with the facts\n');
  });

  test('are rolled up, and what went wrong in that is found and put right, too', async () => {
    const { db } = database;
    const { id } = await ticket();
    const change = (status: 'pending' | 'closed'): Promise<unknown> =>
      db.transaction(async (trx) => changeTicket(trx, (await lockTicket(trx, id)) as TicketRow, { status }, { actor: agent }));
    await change('pending');
    await refreshFacts(db);
    const kept = async (): Promise<object[]> => [
      ...((await db('statistics_work_quarters').select('firsts', 'links', 'hour_starts')) as object[]),
      ...((await db('statistics_work_days').select('firsts', 'firsts_of_team', 'firsts_of_agent')) as object[]),
    ];
    const right = [
      { firsts: 1, links: 0, hour_starts: 1 },
      { firsts: 1, firsts_of_team: 1, firsts_of_agent: 1 },
    ];
    expect(await kept()).toEqual(right);
    expect(await checkRollUps(db)).toBe(0);
    await db('statistics_work_quarters').update({ firsts: 7 });
    await db('statistics_work_days').delete();
    // Each row that differs, and each that should be there.
    expect(await checkRollUps(db)).toBe(3);
    expect(await rebuildRollUps(db)).toBe(3);
    expect(await kept()).toEqual(right);
    expect(await checkRollUps(db)).toBe(0);
    // However a fact is changed, what is kept of it follows.
    await db('statistics_facts')
      .where({ type: 'work' })
      .update({ at: new Date('2026-03-01T10:00:00Z'), previous_at: new Date('2026-03-01T09:20:00Z') });
    expect(await checkRollUps(db)).toBe(0);
    await rebuildFacts(db);
    expect(await checkRollUps(db)).toBe(0);
  });

  test('say how far they are behind when more comes in than can be worked in at once', async () => {
    await ticket();
    expect(await refreshFacts(database.db, 0)).toBeGreaterThan(0);
    expect(await refreshFacts(database.db)).toBe(0);
  });

  test('are kept up to date by the worker, without anybody asking', async () => {
    const refresher = startFactsRefresher({ db: database.db, log: createLogger('test', { level: 'fatal' }) });
    try {
      await ticket();
      const deadline = Date.now() + 20_000;
      while ((await factCount()) === 0 && Date.now() < deadline) await delay(50);
      expect(await factCount()).toBe(1);
    } finally {
      await refresher.stop();
    }
  });
});

describe('An answer', () => {
  test('S20: counts the recording that the product itself settles, for the agent who talked', async () => {
    const { db } = database;
    const row = await ticket('call');
    const [integration] = (await db('integrations').returning('id')) as { id: string }[];
    const [call] = (await db('calls').insert({ integration_id: integration?.id, started_at: new Date() }).returning('id')) as {
      id: string;
    }[];
    const callId = call?.id ?? '';
    await db('conversations').insert({
      id: 'talk-1',
      call_id: callId,
      ordinal: 0,
      agent_id: agent.id,
      direction: 'incoming',
      outcome: 'talked',
      ticket_id: row.id,
      started_at: new Date(),
      answered_at: new Date(),
      ended_at: new Date(),
    });
    await db.transaction(async (trx) => {
      await addMessage(
        trx,
        row,
        { type: 'reply', author: agent, automatic: true, conversationId: 'talk-1' },
        { actor: SYSTEM, rule: 'S2a' },
      );
      const { id } = await announce(trx, { callId, recordingId: 'r1', conversationId: 'talk-1' });
      await settleRecording(trx, { id, state: 'ready', contentType: 'audio/mpeg', bytes: 1, durationSeconds: 1, sha256: 'x' });
    });
    expect((await ask()).figures).toMatchObject({ newFromCustomers: 1, withReply: 1, inWork: 0 });
    expect((await ask('team')).agents?.[0]).toMatchObject({ agent: { id: agent.id }, withReply: 1, totalReplies: 1 });
  });

  test('waits its turn when many are asked at once, and leaves connections for others', async () => {
    await ticket();
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask('team')));
    expect(answers.every(({ figures }) => figures.newTickets === 1)).toBe(true);
  });

  test('that fails gives back its connections', async () => {
    const { db } = database;
    const failing = () =>
      inSnapshot(db, (reader) => Promise.all([reader.rows('select pg_sleep(0.05)', {}), reader.rows('select 1 / 0', {})]));
    for (let time = 0; time < 12; time++) await expect(failing()).rejects.toThrow('division by zero');
    expect((await ask()).figures).toMatchObject({ newTickets: 0 });
  });

  test('sees one moment, whichever connection reads', async () => {
    const { db } = database;
    await inSnapshot(db, async (reader) => {
      await ticket();
      const counts = await Promise.all(
        [1, 2, 3, 4].map(() => reader.rows<{ n: string }>('select count(*) as n, pg_sleep(0.02) from tickets', {})),
      );
      expect(counts.map(([row]) => Number(row?.n))).toEqual([0, 0, 0, 0]);
    });
  });
});
