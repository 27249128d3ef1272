import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPrivacySteps } from '../../activities/privacy.ts';
import { createLogger } from '../../db/log.ts';
import { inTransaction } from '../../db/pool.ts';
import { announce, settleRecording } from '../../db/recordings.ts';
import { as, startTestApi, type TestApi } from '../support/api.ts';
import { seedPbx } from '../support/api-calls.ts';
import { agent, CallRunner } from '../support/call-runner.ts';
import { everything } from './everything.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** A talk with Anna that is over, and its recording. */
async function recordedTalk() {
  const integrationId = await seedPbx(api.db);
  const call = await CallRunner.start(api.db, integrationId, { at: Date.now() - 120_000 });
  await call.send(call.leg('A', 'appeared', { to: agent(api.anna.id) }), call.leg('A', 'connected'));
  await call.pass(30_000);
  await call.send(call.leg('A', 'disconnected'), call.summary({ talkedAt: call.now - 30_000 }));
  await call.pass(2_500);
  const conversationId = call.conversationId();
  await inTransaction(api.db, async (trx) => {
    const { id } = await announce(trx, { callId: call.callId, conversationId, recordingId: 'R1' });
    await settleRecording(trx, { id, state: 'ready', contentType: 'audio/mpeg', bytes: 1, durationSeconds: 30, sha256: 'ab' });
  });
  const { ticket_id: ticketId, customer_id: customerId } = (await api
    .db('conversations')
    .where({ id: conversationId })
    .first('ticket_id', 'customer_id')) as { ticket_id: string; customer_id: string };
  return { call, conversationId, ticketId, customerId };
}

it('S20–S25: figures and their lists follow a call that is moved, and moved back', async () => {
  const { call, conversationId, ticketId: first, customerId } = await recordedTalk();
  const second = as<{ id: string }>(
    await api.boris.post('/api/tickets', { subject: 'Верное', channel: 'call', kind: 'incoming', customerId }),
  ).id;
  await api.boris.patch(`/api/tickets/${second}`, { status: 'closed' });
  const move = (ticketId: string) =>
    call.act(api.boris.id, { action: 'move_call', actionId: randomUUID(), conversationId, ticketId });

  const before = await everything(api);
  expect(before.figures).toMatchObject({ newTickets: 2, withReply: 1, totalReplies: 1, closed: 0 });
  expect(before.lists).toMatchObject({ withReply: [first], inWork: [second], closed: [] });

  expect(await move(second)).toMatchObject({ state: 'done' });
  const moved = await everything(api);
  // The closing of the emptied ticket holds no talk; that of the other, before the move, now does.
  expect(moved.figures).toMatchObject({ newTickets: 2, withReply: 1, totalReplies: 1, closed: 1 });
  expect(moved.lists).toMatchObject({ withReply: [second], inWork: [first, second].sort(), closed: [second] });

  expect(await move(first)).toMatchObject({ state: 'done' });
  const back = await everything(api);
  expect(back.figures).toMatchObject({ newTickets: 2, withReply: 1, totalReplies: 1 });
  expect(back.lists).toMatchObject({ withReply: [first], closed: [first] });
});

it('S20–S25: figures and their lists stay as they are when the customer is erased, texts and recordings included', async () => {
  const { ticketId, customerId } = await recordedTalk();
  await api.anna.patch(`/api/tickets/${ticketId}`, { status: 'closed' });
  const letter = as<{ id: string }>(await api.boris.post('/api/tickets', { subject: 'Письмо', channel: 'email', customerId })).id;
  await api.boris.post(`/api/tickets/${letter}/messages`, { type: 'reply', body: 'Ответ', writingSeconds: 30 });
  const before = await everything(api);
  expect(before.lists['withReply']).toEqual(expect.arrayContaining([ticketId, letter]));

  const { id: erasureId } = as<{ id: string }>(
    await api.admin.post(`/api/customers/${customerId}/erasure`, { reason: 'request', texts: 'erase' }),
  );
  const steps = createPrivacySteps({
    db: api.db,
    log: createLogger('worker', { level: 'silent' }),
    dataDir: api.config.dataDir,
    secrets: api.deps.secrets,
  });
  await steps.blockCustomer({ erasureId });
  await steps.eraseEverything({ erasureId, state: 'erasing' });
  await steps.finishErasure({ erasureId });
  expect(await api.db('customers').where({ id: customerId }).first('full_name', 'erased_at')).toMatchObject({
    full_name: expect.stringContaining('Удалённый пользователь') as string,
    erased_at: expect.any(Date) as Date,
  });
  expect(
    await api
      .db('recordings')
      .where({ state: 'ready' })
      .whereIn('call_id', api.db('calls').where({ customer_id: customerId }).select('id')),
  ).toEqual([]);

  expect(await everything(api)).toEqual(before);
});
