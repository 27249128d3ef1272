import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../../db/pool.ts';
import {
  announce,
  askAgain,
  beginFetch,
  findRecordingForAgent,
  giveUp,
  joinRecordings,
  noteReason,
  placeholder,
  settleRecording,
  type RecordingRow,
} from '../../db/recordings.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seedCast } from '../support/call-runner.ts';
import { makeScene, makeTalk, recordOf, streamOf } from './scene.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
});
afterAll(() => database.drop());

const rowOf = async (id: string): Promise<RecordingRow> =>
  (await database.db('recordings').where({ id }).first()) as RecordingRow;
const rowsOf = async (conversationId: string): Promise<RecordingRow[]> =>
  (await database.db('recordings').where({ conversation_id: conversationId }).orderBy('created_at')) as RecordingRow[];
const within = <T>(work: Parameters<typeof inTransaction<T>>[1]): Promise<T> => inTransaction(database.db, work);
const ready = (id: string) =>
  ({ id, state: 'ready', contentType: 'audio/mpeg', bytes: 1_000, durationSeconds: 42, sha256: 'ab'.repeat(32) }) as const;
const settleReady = (id: string): Promise<boolean> => within((trx) => settleRecording(trx, ready(id)));

describe('The place of a recording', () => {
  it('is kept for a talk that none was announced of, once', async () => {
    const talk = await makeTalk(database.db, cast);
    for (let i = 0; i < 2; i += 1) await within((trx) => placeholder(trx, talk));
    expect(await rowsOf(talk.conversationId)).toMatchObject([{ state: 'pending', recording_id: null, reason: null }]);
  });

  it('is taken over by the first one announced, whoever repeats it; a further one stands beside it', async () => {
    const { conversationId, callId } = await makeTalk(database.db, cast);
    await within((trx) => placeholder(trx, { conversationId, callId }));
    const [place] = await rowsOf(conversationId);
    const first = { callId, conversationId, recordingId: 'one' };
    expect(await within((trx) => announce(trx, first))).toEqual({ id: place?.id });
    expect(await within((trx) => announce(trx, first))).toEqual({ id: place?.id });
    await within((trx) => announce(trx, { ...first, recordingId: 'two' }));
    expect((await rowsOf(conversationId)).map((row) => row.recording_id)).toEqual(['one', 'two']);
  });

  it('is not kept beside a recording announced before', async () => {
    const { conversationId, callId } = await makeTalk(database.db, cast);
    await within((trx) => announce(trx, { callId, conversationId, recordingId: 'early' }));
    await within((trx) => placeholder(trx, { conversationId, callId }));
    expect(await rowsOf(conversationId)).toHaveLength(1);
  });

  it('given up as not recorded is taken over by a recording that comes after all', async () => {
    const { conversationId, callId, ticket } = await makeTalk(database.db, cast);
    await within((trx) => placeholder(trx, { conversationId, callId }));
    await within((trx) => giveUp(trx, { conversationId, reason: 'not_recorded' }));
    expect(await rowsOf(conversationId)).toMatchObject([{ state: 'unavailable', reason: 'not_recorded' }]);
    const { id } = await within((trx) => announce(trx, { callId, conversationId, recordingId: 'late' }));
    expect(await rowsOf(conversationId)).toMatchObject([{ state: 'pending', reason: null, recording_id: 'late' }]);
    await settleReady(id);
    expect(await recordOf(database.db, ticket.id, 'recording')).toHaveLength(1);
  });

  it('is not given up once a recording was announced', async () => {
    const { conversationId, rowId } = await makeScene(database.db, cast);
    await within((trx) => giveUp(trx, { conversationId, reason: 'not_recorded' }));
    expect(await rowOf(rowId)).toMatchObject({ state: 'pending', reason: null });
  });
});

describe('A recording that is ready', () => {
  it('is told: an entry in the ticket’s record, word on the stream, once however often it is marked', async () => {
    const { rowId, ticket, conversationId, callId } = await makeScene(database.db, cast);
    for (let i = 0; i < 2; i += 1) await settleReady(rowId);
    expect(await rowOf(rowId)).toMatchObject({ state: 'ready', duration_seconds: 42, bytes: '1000', content_type: 'audio/mpeg' });
    const message = (await database.db('messages').where({ conversation_id: conversationId }).first('id')) as { id: string };
    const entries = await recordOf(database.db, ticket.id, 'recording');
    expect(entries).toMatchObject([
      { call_id: callId, conversation_id: conversationId, message_id: message.id, data: { talk: true, recordingId: rowId } },
    ]);
    const stream = await streamOf(database.db, ticket.id);
    expect(stream.filter((event) => event.type === 'recording.ready')).toEqual([
      { type: 'recording.ready', payload: { ticketId: ticket.id, recordingId: rowId } },
    ]);
    expect(stream.at(-1)?.type).toBe('ticket.changed');
  });

  it('S13: turns the handset of a missed-call ticket green', async () => {
    const { rowId, ticket } = await makeScene(database.db, cast, { kind: 'missed' });
    expect(ticket.handset).toBe('red');
    await settleReady(rowId);
    expect(await database.db('tickets').where({ id: ticket.id }).first('handset')).toEqual({ handset: 'green' });
    expect(await recordOf(database.db, ticket.id, 'handset')).toMatchObject([
      { rule: 'S13', from_value: 'red', to_value: 'green' },
    ]);
  });

  it.each(['missed', 'unanswered'] as const)(
    'S13: of a call that ended %s turns nothing green and is no talk',
    async (outcome) => {
      const { rowId, ticket } = await makeScene(database.db, cast, { kind: 'missed', outcome });
      await settleReady(rowId);
      expect(await database.db('tickets').where({ id: ticket.id }).first('handset')).toEqual({ handset: 'red' });
      expect(await recordOf(database.db, ticket.id, 'recording')).toMatchObject([{ data: { talk: false } }]);
    },
  );

  it('while the talk goes on counts as one of a talk', async () => {
    const { rowId, ticket } = await makeScene(database.db, cast, { outcome: 'in_progress' });
    await settleReady(rowId);
    expect(await recordOf(database.db, ticket.id, 'recording')).toMatchObject([{ data: { talk: true } }]);
  });

  it('before its conversation has a ticket joins the ticket when that is made', async () => {
    const { rowId, ticket, conversationId, callId } = await makeScene(database.db, cast);
    await database.db('conversations').where({ id: conversationId }).update({ ticket_id: null });
    await settleReady(rowId);
    expect(await recordOf(database.db, ticket.id, 'recording')).toEqual([]);
    await database.db('conversations').where({ id: conversationId }).update({ ticket_id: ticket.id });
    await within((trx) => placeholder(trx, { conversationId, callId }));
    expect(await recordOf(database.db, ticket.id, 'recording')).toHaveLength(1);
    expect(await rowsOf(conversationId)).toHaveLength(1);
  });

  it('S18б: turns the handset green of a missed-call ticket to which its talk is linked afterwards', async () => {
    const { rowId, conversationId } = await makeScene(database.db, cast);
    const missed = await makeTalk(database.db, cast, { kind: 'missed', outcome: 'missed' });
    await settleReady(rowId);
    await database.db('conversations').where({ id: conversationId }).update({ ticket_id: missed.ticket.id });
    for (let i = 0; i < 2; i += 1) await within((trx) => joinRecordings(trx, conversationId));
    expect(await database.db('tickets').where({ id: missed.ticket.id }).first('handset')).toEqual({ handset: 'green' });
    expect(await recordOf(database.db, missed.ticket.id, 'recording')).toHaveLength(1);
  });

  it('stays ready, whatever comes late', async () => {
    const { rowId, conversationId } = await makeScene(database.db, cast);
    await settleReady(rowId);
    await within((trx) => settleRecording(trx, { id: rowId, state: 'unavailable', reason: 'not_found' }));
    await within((trx) => giveUp(trx, { conversationId, reason: 'not_recorded' }));
    await noteReason(database.db, rowId, 'disk_full');
    expect(await rowOf(rowId)).toMatchObject({ state: 'ready', reason: null });
  });

  it('marked by two workers at once is told once', async () => {
    const { rowId, ticket } = await makeScene(database.db, cast);
    await Promise.all([1, 2, 3].map(() => settleReady(rowId)));
    expect(await recordOf(database.db, ticket.id, 'recording')).toHaveLength(1);
  });
});

describe('A recording that cannot be had', () => {
  it('says why, in its ticket, at once and while it is still being tried', async () => {
    const { rowId, ticket } = await makeScene(database.db, cast);
    const before = (await streamOf(database.db, ticket.id)).length;
    for (let i = 0; i < 2; i += 1) await noteReason(database.db, rowId, 'disk_full');
    expect(await rowOf(rowId)).toMatchObject({ state: 'pending', reason: 'disk_full' });
    await within((trx) => settleRecording(trx, { id: rowId, state: 'unavailable', reason: 'too_short' }));
    expect(await rowOf(rowId)).toMatchObject({ state: 'unavailable', reason: 'too_short' });
    expect((await streamOf(database.db, ticket.id)).slice(before).map((event) => event.type)).toEqual([
      'ticket.changed',
      'ticket.changed',
    ]);
  });

  it('is pending again when an admin asks for it, or the workflow does', async () => {
    const { rowId } = await makeScene(database.db, cast);
    await within((trx) => settleRecording(trx, { id: rowId, state: 'unavailable', reason: 'not_found' }));
    expect(await within((trx) => askAgain(trx, rowId))).toBe(true);
    expect(await rowOf(rowId)).toMatchObject({ state: 'pending', reason: null });
    await within((trx) => settleRecording(trx, { id: rowId, state: 'unavailable', reason: 'not_found' }));
    expect(await beginFetch(database.db, rowId)).toMatchObject({ integration_id: cast.integrationId });
    expect(await rowOf(rowId)).toMatchObject({ state: 'pending', attempts: 1 });
  });

  it('cannot be asked for again if the PBX never told of it, or if it is there', async () => {
    const talk = await makeTalk(database.db, cast);
    await within((trx) => placeholder(trx, talk));
    const [place] = await rowsOf(talk.conversationId);
    expect(await within((trx) => askAgain(trx, place?.id ?? ''))).toBe(false);
    expect(await beginFetch(database.db, place?.id ?? '')).toBeNull();
    const { rowId } = await makeScene(database.db, cast);
    await settleReady(rowId);
    expect(await within((trx) => askAgain(trx, rowId))).toBe(false);
    expect(await within((trx) => askAgain(trx, randomUUID()))).toBe(false);
  });
});

describe('Who may hear a recording', () => {
  const viewer = (agentId: string, more: object = {}) => ({ agentId, role: 'agent', access: 'own', ...more }) as const;

  it('whoever may see its ticket; to others it does not exist', async () => {
    const { rowId } = await makeScene(database.db, cast, { assigneeId: cast.anna });
    await settleReady(rowId);
    const find = (who: ReturnType<typeof viewer>) => findRecordingForAgent(database.db, rowId, who);
    expect(await find(viewer(cast.anna))).toMatchObject({ id: rowId });
    expect(await find(viewer(cast.boris))).toBeUndefined();
    expect(await find(viewer(cast.boris, { access: 'all' }))).toMatchObject({ id: rowId });
    expect(await find(viewer(cast.boris, { role: 'admin' }))).toMatchObject({ id: rowId });
    const unassigned = await makeScene(database.db, cast, { assigneeId: null });
    expect(await findRecordingForAgent(database.db, unassigned.rowId, viewer(cast.boris))).toMatchObject({
      id: unassigned.rowId,
    });
    expect(await findRecordingForAgent(database.db, randomUUID(), viewer(cast.anna))).toBeUndefined();
  });

  it('nobody, once it was removed', async () => {
    const { rowId } = await makeScene(database.db, cast);
    await settleReady(rowId);
    await database.db('recordings').where({ id: rowId }).update({ removed_at: new Date() });
    expect(await findRecordingForAgent(database.db, rowId, viewer(cast.anna, { role: 'admin' }))).toBeUndefined();
  });
});
