import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { refreshStaleOperators } from '../../activities/operator-refresher.ts';
import { refreshOperators } from '../../activities/telephony/operators.ts';
import type { PbxOperator } from '../../activities/telephony/port.ts';
import { createLogger } from '../../db/log.ts';
import { accountsWithStaleOperators, findOperator, listOperators, patchOperator, type OperatorView } from '../../db/operators.ts';
import { inTransaction } from '../../db/pool.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createFakeTelephony, type FakeTelephony } from '../support/fake-telephony.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
let pbx: FakeTelephony;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  cast = await seedCast(database.db);
  pbx = createFakeTelephony();
});

const operator = (extension: string, more: Partial<PbxOperator> = {}): PbxOperator => ({
  extension,
  fullName: `Оператор ${extension}`,
  email: null,
  devices: [],
  ...more,
});
const refresh = () => refreshOperators(database.db, pbx, cast.integrationId);
const list = (): Promise<OperatorView[]> => listOperators(database.db, cast.integrationId);
const patch = (id: string | undefined, change: object) =>
  inTransaction(database.db, (trx) => patchOperator(trx, id ?? '', change));

describe('Operators read from the PBX', () => {
  it('are kept with their extension as text and all their devices', async () => {
    const devices = [
      { number: 'sip:a@b', protocol: 'sip', on: true },
      { number: '79161234567', protocol: 'tel', on: false },
    ];
    pbx.operators = [operator('0511', { email: 'Anna@Example.com', devices }), operator('101')];
    expect(await refresh()).toEqual({ outcome: 'accepted', value: { operators: 2 } });
    expect(await list()).toMatchObject([
      { extension: '101', agentId: null, ignored: false, present: true, email: null, devices: [] },
      { extension: '0511', fullName: 'Оператор 0511', email: 'Anna@Example.com', devices },
    ]);
    const integration = (await database.db('integrations').where({ id: cast.integrationId }).first()) as {
      operators_read_at: Date | null;
    };
    expect(integration.operators_read_at).not.toBeNull();
  });

  it('keep their mapping when they are read again, and take a new name', async () => {
    pbx.operators = [operator('101'), operator('102')];
    await refresh();
    const [first, second] = await list();
    await patch(first?.id, { agentId: cast.anna });
    await patch(second?.id, { ignored: true });
    pbx.operators = [operator('101', { fullName: 'Анна Новая' }), operator('102')];
    await refresh();
    expect(await list()).toMatchObject([
      { id: first?.id, agentId: cast.anna, fullName: 'Анна Новая' },
      { id: second?.id, ignored: true },
    ]);
  });

  it('that the PBX lists no more stay, as not present, and come back as they were', async () => {
    pbx.operators = [operator('101'), operator('102')];
    await refresh();
    await patch((await list())[0]?.id, { agentId: cast.anna });
    pbx.operators = [operator('102')];
    await refresh();
    expect(await list()).toMatchObject([
      { extension: '102', present: true },
      { extension: '101', present: false, agentId: cast.anna },
    ]);
    pbx.operators = [operator('101')];
    await refresh();
    expect((await list())[0]).toMatchObject({ extension: '101', present: true, agentId: cast.anna });
  });

  it('change nothing when the PBX does not answer', async () => {
    pbx.operators = [operator('101')];
    await refresh();
    pbx.refuseNext('listOperators', { outcome: 'refused', code: 3105, word: 'bad_key' });
    expect(await refresh()).toEqual({ outcome: 'refused', code: 3105, word: 'bad_key' });
    expect(await list()).toMatchObject([{ extension: '101', present: true }]);
  });

  it('read twice at once are kept once', async () => {
    pbx.operators = Array.from({ length: 30 }, (_, i) => operator(String(100 + i)));
    await Promise.all([refresh(), refresh(), refresh()]);
    expect(await list()).toHaveLength(30);
  });

  it('of an account that was removed are not listed', async () => {
    pbx.operators = [operator('101')];
    await refresh();
    await database.db('integrations').where({ id: cast.integrationId }).update({ removed_at: new Date() });
    expect(await list()).toEqual([]);
  });
});

describe('Operators of a PBX that has changed', () => {
  const log = createLogger('test', { level: 'silent' });
  /** Whose list is read by itself; other tests' accounts are nobody's business here. */
  const stale = async (): Promise<boolean> => (await accountsWithStaleOperators(database.db)).includes(cast.integrationId);
  const readAgo = (interval: string): Promise<unknown> =>
    database
      .db('integrations')
      .where({ id: cast.integrationId })
      .update({ operators_read_at: database.db.raw(`now() - interval '${interval}'`) });
  const event = (to: object, location = 'abonent'): Promise<unknown> =>
    database.db('inbox').insert({
      ...{ source: 'pbx', integration_id: cast.integrationId, key: randomUUID(), path: '/events/call' },
      body: JSON.stringify({ location, from: { number: '79161234567' }, to }),
    });

  it('are read anew when a call names an extension that nobody has, or the list is old', async () => {
    pbx.operators = [operator('0101')];
    await refresh();
    expect(await stale()).toBe(false);
    await readAgo('10 minutes');
    await event({ extension: '101' });
    await event({ extension: '800' }, 'queue');
    expect(await stale()).toBe(false);
    await event({ extension: '107' });
    expect(await stale()).toBe(true);
    await readAgo('2 minutes');
    expect(await stale()).toBe(false);
    await readAgo('7 hours');
    expect(await stale()).toBe(true);
    pbx.operators = [operator('0101'), operator('107')];
    await refreshStaleOperators({ db: database.db, log, telephony: { forIntegration: () => pbx } });
    expect((await list()).map(({ extension }) => extension)).toEqual(['107', '0101']);
    expect(await stale()).toBe(false);
  });

  it('are left alone while the PBX calls our requests invalid', async () => {
    await readAgo('7 hours');
    expect(await stale()).toBe(true);
    await database.db('pbx_invalid_requests').insert({
      ...{ integration_id: cast.integrationId, kind: 'invalid', method_group: 'users', code: 3102 },
      ...{ request_hash: 'x', credentials_hash: 'y' },
    });
    expect(await stale()).toBe(false);
  });
});

describe('The agent suggested for an operator', () => {
  async function suggestionFor(more: Partial<PbxOperator>): Promise<string | null | undefined> {
    pbx.operators = [operator('101', more)];
    await refresh();
    return (await list())[0]?.suggestedAgentId;
  }
  const email = `anna-${randomUUID()}@example.com`;

  it('is the one with the same e-mail, in whatever case', async () => {
    await database.db('agents').where({ id: cast.anna }).update({ email });
    expect(await suggestionFor({ email: email.toUpperCase(), fullName: 'Кто-то ещё' })).toBe(cast.anna);
    await database
      .db('agents')
      .where({ id: cast.anna })
      .update({ email: `${randomUUID()}@example.com` });
  });

  it('is else the only one of the same name', async () => {
    const name = `Мария ${randomUUID()}`;
    await database.db('agents').where({ id: cast.boris }).update({ full_name: name });
    expect(await suggestionFor({ fullName: ` ${name}` })).toBe(cast.boris);
    await database.db('agents').where({ id: cast.vera }).update({ full_name: name });
    expect(await suggestionFor({ fullName: name })).toBeNull();
  });

  it('is found whatever the capitals, spaces and «ё» of the name', async () => {
    const id = randomUUID();
    await database
      .db('agents')
      .where({ id: cast.boris })
      .update({ full_name: `Семён Королёв ${id}` });
    expect(await suggestionFor({ fullName: `СЕМЕН  Королев ${id}` })).toBe(cast.boris);
  });

  it('is nobody who has left', async () => {
    const name = `Пётр ${randomUUID()}`;
    await database.db('agents').where({ id: cast.boris }).update({ full_name: name, deactivated_at: new Date() });
    expect(await suggestionFor({ fullName: name })).toBeNull();
  });

  it('is not needed once somebody decided', async () => {
    const name = `Вера ${randomUUID()}`;
    await database.db('agents').where({ id: cast.vera }).update({ full_name: name });
    expect(await suggestionFor({ fullName: name })).toBe(cast.vera);
    const [only] = await list();
    expect(await patch(only?.id, { agentId: cast.anna })).toMatchObject({ agentId: cast.anna, suggestedAgentId: null });
    expect(await patch(only?.id, { ignored: true })).toMatchObject({ agentId: null, ignored: true, suggestedAgentId: null });
  });
});

describe('Mapping an operator', () => {
  it('ends ignoring, and ignoring ends the mapping', async () => {
    pbx.operators = [operator('101')];
    await refresh();
    const id = (await list())[0]?.id;
    expect(await patch(id, { ignored: true })).toMatchObject({ ignored: true, agentId: null });
    expect(await patch(id, { agentId: cast.anna })).toMatchObject({ ignored: false, agentId: cast.anna });
    expect(await patch(id, { ignored: true })).toMatchObject({ ignored: true, agentId: null });
    expect(await patch(id, { ignored: false })).toMatchObject({ ignored: false, agentId: null });
    expect(await patch(id, { agentId: cast.boris })).toMatchObject({ agentId: cast.boris });
    expect(await patch(id, { agentId: null })).toMatchObject({ agentId: null, ignored: false });
  });

  it('to nobody, or to somebody who has left, is refused', async () => {
    pbx.operators = [operator('101')];
    await refresh();
    const id = (await list())[0]?.id ?? '';
    await database.db('agents').where({ id: cast.boris }).update({ deactivated_at: new Date() });
    expect(await patch(id, { agentId: randomUUID() })).toBe('agent_not_found');
    expect(await patch(id, { agentId: cast.boris })).toBe('agent_not_found');
    expect(await findOperator(database.db, id)).toMatchObject({ agentId: null });
    expect(await patch(randomUUID(), { ignored: true })).toBeUndefined();
  });
});
