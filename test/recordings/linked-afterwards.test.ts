import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTransaction } from '../../db/pool.ts';
import { announce, settleRecording } from '../../db/recordings.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordOf } from './scene.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('S13, S18б: a talk linked to the missed-call ticket after its recording came turns the handset green', async () => {
  const { db } = database;
  const { integrationId, anna } = await seedCast(db);
  const missed = await CallRunner.start(db, integrationId);
  await missed.send(missed.leg('a', 'appeared', { to: agent(anna) }));
  await missed.send(missed.leg('a', 'disconnected'), missed.summary());
  await missed.pass(60_000);
  const ticket = (await db('tickets').where({ kind: 'missed' }).first('id', 'handset')) as { id: string; handset: string };
  expect(ticket.handset).toBe('red');

  const call = await CallRunner.start(db, integrationId);
  await call.send(call.leg('b', 'appeared', { to: agent(anna) }), call.leg('b', 'connected'));
  await call.pass(30_000);
  await call.send(call.leg('b', 'disconnected'), call.summary());
  await call.pass(5_000);
  const conversationId = call.conversationId();
  await inTransaction(db, async (trx) => {
    const { id } = await announce(trx, { callId: call.callId, conversationId, recordingId: 'rec' });
    await settleRecording(trx, { id, state: 'ready', contentType: 'audio/mpeg', bytes: 1, durationSeconds: 30, sha256: 'ab' });
  });
  const outcome = await call.act(
    anna,
    { action: 'link_ticket', conversationId, ticketId: ticket.id },
    { gist: 'перезвонил сам' },
  );
  expect(outcome).toMatchObject({ state: 'done', ticket_id: ticket.id });
  expect(await db('tickets').where({ id: ticket.id }).first('handset', 'status')).toEqual({
    handset: 'green',
    status: 'pending',
  });
  expect(await recordOf(db, ticket.id, 'recording')).toHaveLength(1);
});
