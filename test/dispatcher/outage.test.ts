import { createServer, type AddressInfo } from 'node:net';
import { Client, Connection, ServiceError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connectsAgainSoon } from '../../db/config.ts';
import type { Wire } from '../support/wire.ts';
import { eventually, legEvent, newEntry, openOffice, openWiredClient, type InboxFacts, type Office } from './office.ts';

let office: Office;
let wired: Awaited<ReturnType<typeof openWiredClient>>;
let wire: Wire;
let client: Client;
beforeAll(async () => {
  office = await openOffice();
  wired = await openWiredClient();
  ({ wire, client } = wired);
});
afterAll(async () => {
  await office.tearDown();
  await wired.close();
});
/** A test that failed half-way leaves nothing to the next. */
afterEach(async () => {
  wire.swallow(false);
  await wire.heal();
  await office.stopDispatchers();
  await office.db('inbox').whereNull('delivered_at').delete();
});

const seqs = async (entry: string): Promise<number[]> =>
  (await office.heard(entry)).messages.map((message) => (message.type === 'leg' ? message.seq : -1));
const rowsOf = async (entry: string): Promise<InboxFacts[]> =>
  (await office.db('inbox').where({ entry }).orderBy('id')) as InboxFacts[];

/** A client whose calls to Temporal about certain workflows fail. */
function failing(fails: (workflowId: string, messages: readonly { readonly seq?: number }[]) => Error | undefined): Client {
  const workflow = Object.create(office.client.workflow, {
    signalWithStart: {
      value: (type: string, options: { workflowId: string; signalArgs: [readonly { seq?: number }[]] }) => {
        const error = fails(options.workflowId, options.signalArgs[0]);
        if (error) return Promise.reject(error);
        return office.client.workflow.signalWithStart(type, options as never);
      },
    },
  }) as Client['workflow'];
  return Object.create(office.client, { workflow: { value: workflow } }) as Client;
}

function grpcError(code: number): Error {
  const cause = Object.assign(new Error('said Temporal'), { code, details: 'said Temporal', metadata: {} });
  return new ServiceError('Failed', { cause });
}

test('Temporal goes away and comes back: nothing is lost, all is delivered soon, in order, without a restart', async () => {
  const dispatcher = office.dispatcher({ deadlineMs: 500, pollMs: 200 }, client);
  await dispatcher.start();
  const first = newEntry();
  await office.receive('/events/call', legEvent(first, `${first}-leg`, 1, 'Appeared'));
  await eventually(async () => expect(await seqs(first)).toEqual([1]));

  await wire.cut();
  const entries = Array.from({ length: 30 }, newEntry);
  for (const seq of [1, 2, 3]) {
    for (const entry of entries) await office.receive('/events/call', legEvent(entry, `${entry}-leg`, seq, 'Connected'));
  }
  await eventually(async () => {
    const { rows } = await office.db.raw(`select 1 from inbox where last_error like 'Temporal: %' and attempts > 0`);
    expect(rows.length).toBeGreaterThan(0);
  });
  expect(await office.db('inbox').where({ verdict: 'failed' })).toEqual([]);

  await wire.heal();
  const healed = Date.now();
  await eventually(async () => {
    // What was perhaps taken is sent again, and a workflow drops what it knows: the first of each is in order.
    for (const entry of entries) expect([...new Set(await seqs(entry))]).toEqual([1, 2, 3]);
  }, 25_000);
  expect(Date.now() - healed).toBeLessThan(20_000);
  await dispatcher.stop();
});

test('however long Temporal is away, a connection to it is tried again every other second', async () => {
  const triedAt: number[] = [];
  const refusing = createServer((socket) => {
    triedAt.push(performance.now());
    socket.destroy();
  });
  await new Promise<void>((resolve) => void refusing.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(refusing.address() as AddressInfo).port}`;
  const connection = Connection.lazy({ address, ...connectsAgainSoon });
  const asking = new Client({ connection }).workflow;
  // By itself gRPC would let four seconds pass between the fourth and the fifth, and six after that.
  while (triedAt.length < 7) await connection.withDeadline(Date.now() + 500, () => asking.count()).catch(() => undefined);
  await connection.close();
  refusing.close();
  const pauses = triedAt.slice(1).map((at, index) => at - (triedAt[index] ?? 0));
  expect(Math.max(...pauses)).toBeLessThan(3_500);
}, 60_000);

test('Temporal hangs: each request is given up after the deadline, and what was perhaps taken is sent again', async () => {
  const dispatcher = office.dispatcher({ deadlineMs: 500, pollMs: 200 }, client);
  await dispatcher.start();
  const entry = newEntry();
  wire.swallow(true);
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  await eventually(async () =>
    expect(await rowsOf(entry)).toMatchObject([{ delivered_at: null, last_error: expect.stringMatching(/^Temporal: /) }]),
  );
  wire.swallow(false);
  await wire.cut();
  await wire.heal();
  await eventually(async () => expect(new Set(await seqs(entry))).toEqual(new Set([1])), 25_000);
  await dispatcher.stop();
});

test('stopping while Temporal is away does not take long, and leaves the rows waiting', async () => {
  await wire.cut();
  const dispatcher = office.dispatcher({ deadlineMs: 500, pollMs: 100 }, client);
  await dispatcher.start();
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  await eventually(async () => expect((await rowsOf(entry))[0]?.attempts).toBeGreaterThan(0));
  const started = Date.now();
  await dispatcher.stop();
  expect(Date.now() - started).toBeLessThan(8_000);
  expect(await rowsOf(entry)).toMatchObject([{ delivered_at: null, verdict: 'accepted' }]);
  await wire.heal();
  await office.dispatcher().drainOnce();
});

test("one entry's trouble keeps nobody else waiting, and it is tried again later", async () => {
  const [sick, well] = [newEntry(), newEntry()];
  let ill = true;
  const troubled = failing((workflowId) => (ill && workflowId === office.workflowIdOf(sick) ? grpcError(8) : undefined));
  const dispatcher = office.dispatcher({ pollMs: 100, concurrency: 1 }, troubled);
  await dispatcher.start();
  await office.receive('/events/call', legEvent(sick, `${sick}-leg`, 1, 'Appeared'));
  await office.receive('/events/call', legEvent(sick, `${sick}-leg`, 2, 'Connected'));
  await eventually(async () => expect((await rowsOf(sick))[0]?.attempts).toBeGreaterThan(0));
  await office.receive('/events/call', legEvent(well, `${well}-leg`, 1, 'Appeared'));
  await eventually(async () => expect(await seqs(well)).toEqual([1]));
  expect(await rowsOf(sick)).toMatchObject([
    { delivered_at: null, last_error: 'Temporal: resource exhausted' },
    { delivered_at: null },
  ]);
  ill = false;
  await eventually(async () => expect(await seqs(sick)).toEqual([1, 2]));
  await dispatcher.stop();
});

test('attempts grow rarer, up to once a minute', async () => {
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  const dispatcher = office.dispatcher(
    {},
    failing((workflowId) => (workflowId === office.workflowIdOf(entry) ? grpcError(14) : undefined)),
  );
  const delays: number[] = [];
  for (let i = 0; i < 8; i += 1) {
    await office.db('inbox').where({ entry }).update({ next_attempt_at: office.db.fn.now() });
    // Each of its own, as the others would think by then that Temporal is away.
    await dispatcher.drainOnce();
    const { rows } = await office.db.raw(
      `select extract(epoch from next_attempt_at - now()) as delay from inbox where entry = ?`,
      [entry],
    );
    delays.push(Math.round(Number(rows[0].delay)));
  }
  expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  await office.db('inbox').where({ entry }).delete();
});

test('a message that Temporal will never take is given up, and only that one', async () => {
  const entry = newEntry();
  for (const seq of [1, 2, 3]) await office.receive('/events/call', legEvent(entry, `${entry}-leg`, seq, 'Connected'));
  const choosy = failing((workflowId, messages) =>
    workflowId === office.workflowIdOf(entry) && messages.some((message) => message.seq === 2) ? grpcError(3) : undefined,
  );
  await office.dispatcher({}, choosy).drainOnce();
  expect(await seqs(entry)).toEqual([1, 3]);
  expect(await rowsOf(entry)).toMatchObject([
    { verdict: 'delivered' },
    { verdict: 'failed', why: 'refused_by_temporal', last_error: 'Temporal: invalid argument', delivered_at: expect.any(Date) },
    { verdict: 'delivered' },
  ]);
});

test('a row that can never be translated is given up, says why without a number, and holds nobody up', async () => {
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  const odd = { source: 'pbx', integration_id: office.integrationId, entry };
  await office.db('inbox').insert([
    { ...odd, key: `${entry}-a`, path: '/events/call', body: JSON.stringify({ from: { number: '79161234567' } }) },
    { ...odd, key: `${entry}-b`, path: '/events/unheard-of', body: '{}' },
    { ...odd, key: `${entry}-c`, source: 'agent', body: JSON.stringify({ action: 'dance' }) },
    { ...odd, key: `${entry}-d`, source: 'system', body: '{}' },
  ]);
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 2, 'Connected'));
  await office.dispatcher().drainOnce();
  expect(await seqs(entry)).toEqual([1, 2]);
  const failed = (await rowsOf(entry)).filter((row) => row.verdict === 'failed');
  expect(failed).toHaveLength(4);
  for (const row of failed) {
    expect(row).toMatchObject({ why: 'untranslatable', delivered_at: expect.any(Date), last_error: expect.any(String) });
    expect(row.last_error).not.toMatch(/\d{5}/);
  }
});

test('a row that Postgres itself rejects is given up, and the others of its batch go on', async () => {
  await office.db.raw(`create function refuse_number() returns trigger language plpgsql as $$
    begin if new.number = '+79169999999' then raise check_violation; end if; return new; end $$`);
  await office.db.raw('create trigger refuse_number before insert on call_numbers for each row execute function refuse_number()');
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 2, 'Connected', { from: { number: '79169999999' } }));
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 3, 'Disconnected'));
  await office.dispatcher().drainOnce();
  expect(await seqs(entry)).toEqual([1, 3]);
  expect(await rowsOf(entry)).toMatchObject([
    { verdict: 'delivered' },
    { verdict: 'failed', why: 'cannot_be_prepared' },
    { verdict: 'delivered' },
  ]);
  await office.db.raw('drop trigger refuse_number on call_numbers');
});
