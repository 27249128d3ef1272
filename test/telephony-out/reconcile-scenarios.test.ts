import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareDeliveries } from '../../activities/dispatcher/prepare.ts';
import type { CarrierEvent } from '../../activities/telephony/mango/carrier-events.ts';
import { knownEntryOf, sentEvents } from '../../activities/telephony/mango/reconciled-events.ts';
import { carrierEventOf } from '../../activities/telephony/mango/webhooks.ts';
import { createTelephony } from '../../activities/telephony/telephony.ts';
import { createLogger } from '../../db/log.ts';
import { inTransaction } from '../../db/pool.ts';
import { storeOperators } from '../../db/operators.ts';
import { viewOf } from '../../domain/call.ts';
import { conversationsOf, missedBy } from '../../domain/conversations.ts';
import { NO_FACTS, withMessage } from '../../domain/facts.ts';
import type { PastCall } from '../../domain/past-calls.ts';
import { missingEvents } from '../../domain/reconcile.ts';
import { createDemoPbx } from '../../run/demo-pbx/pbx.ts';
import { SCENARIOS, type Scenario } from '../../run/demo-pbx/scenarios/index.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let integrationId: string;
/** Agents by extension. */
let agents: Record<string, string>;
beforeAll(async () => {
  database = await createTestDatabase();
  const cast = await seedCast(database.db);
  integrationId = cast.integrationId;
  agents = { '101': cast.anna, '102': cast.boris, '0103': cast.vera };
  await inTransaction(database.db, async (trx) => {
    const operators = Object.keys(agents).map((extension) => ({ extension, fullName: extension, email: null, devices: [] }));
    await storeOperators(trx, integrationId, operators);
    for (const [extension, agentId] of Object.entries(agents)) {
      await trx('operators').where({ integration_id: integrationId, extension }).update({ agent_id: agentId });
    }
  });
});
afterAll(() => database.drop());

interface Event {
  readonly path: string;
  readonly body: unknown;
}

/** What the rules make of a call's events: who talked with the customer, who was handed over to whom, who missed it. */
async function outcomeOf(events: readonly Event[]): Promise<object> {
  const { db } = database;
  const entry = randomUUID();
  const rows = events.map(({ path, body }, index) => ({
    id: String(index + 1),
    source: 'pbx' as const,
    integration_id: integrationId,
    key: randomUUID(),
    entry,
    path,
    body,
    received_at: new Date(),
    attempts: 0,
  }));
  const deliveries = await inTransaction(db, (trx) => prepareDeliveries(trx, rows, 'RU'));
  const messages = deliveries.flatMap((delivery) =>
    delivery.kind === 'call' ? delivery.parcels.map((parcel) => parcel.message) : [],
  );
  const facts = messages.reduce((all, message) => withMessage(all, message, 0), NO_FACTS);
  const view = viewOf(facts);
  const names = Object.fromEntries(Object.entries(agents).map(([extension, id]) => [id, extension]));
  const call = (await db('calls').where({ integration_id: integrationId, entry_id: entry }).first('phone')) as
    { phone: string | null } | undefined;
  return {
    direction: view.direction,
    phone: call?.phone ?? null,
    over: view.allLegsOver,
    missedBy: missedBy(view).map((id) => names[id]),
    conversations: conversationsOf(view).map((conversation) => ({
      agent: names[conversation.agentId],
      talked: conversation.answeredAt !== null,
      handedOverTo: conversation.handedOverTo && names[conversation.handedOverTo],
    })),
    recordings: Object.keys(facts.recordings).length,
  };
}

interface Played {
  readonly entryId: string;
  readonly events: readonly Event[];
  readonly told: readonly PastCall[];
}

/** Plays a scenario on a demo PBX that nobody hears, and reads its statistics. */
async function play(scenario: Scenario): Promise<Played> {
  const startAt = Math.floor(Date.now() / 1000) - 7_200;
  const pbx = createDemoPbx({ targetUrl: 'http://127.0.0.1:9', pace: 'instant', startAt });
  await pbx.start();
  try {
    const playing = scenario.play(pbx);
    await playing.done;
    await pbx.settled();
    const { entryId } = playing.call.facts;
    const sent = pbx.log.sent.filter((one) => one.entryId === entryId && one.path.startsWith('/events/'));
    const port = createTelephony({
      db: database.db,
      log: createLogger('test', { level: 'silent' }),
      decryptSecret: String,
      reports: { pollMs: 1 },
    }).forAccount({ integrationId: randomUUID(), apiUrl: pbx.url, ...pbx.credentials, isTrusted: true });
    const told = await port.fetchCalls(new Date((startAt - 60) * 1000), new Date());
    if (told.outcome !== 'accepted') throw new Error(told.outcome);
    return { entryId, events: sent.map(({ path, json }) => ({ path, body: JSON.parse(json) as unknown })), told: told.value };
  } finally {
    await pbx.stop();
  }
}

const carrierEvents = (events: readonly Event[]): CarrierEvent[] =>
  events.flatMap(({ path, body }) => carrierEventOf(path, body) ?? []);

function reconciled(told: readonly PastCall[], heard: readonly Event[]): readonly Event[] {
  const known = heard.length > 0 ? knownEntryOf(carrierEvents(heard), false) : null;
  return told.flatMap((call) => missingEvents(call, known).flatMap((event) => sentEvents(call, event, null)));
}

const EXTERNAL = SCENARIOS.filter((scenario) => scenario.name !== 'internal');

describe.each(EXTERNAL.map((scenario) => [scenario.name, scenario] as const))('The scenario %s', (_name, scenario) => {
  let played: Played;
  let truth: object;
  beforeAll(async () => {
    played = await play(scenario);
    truth = await outcomeOf(played.events);
  });

  it('comes out of the statistics as it was when every event was lost', async () => {
    expect(await outcomeOf(reconciled(played.told, []))).toEqual(truth);
  });

  it('is completed when the end of it was lost, wherever that began', async () => {
    for (let heard = 1; heard < played.events.length; heard += 1) {
      const first = played.events.slice(0, heard);
      if (first.some((event) => event.path === '/events/summary')) break;
      const completed = [...first, ...reconciled(played.told, first)];
      expect({ heard, ...(await outcomeOf(completed)) }).toEqual({ heard, ...truth });
    }
  });

  it('is not changed by what the statistics tell of it when nothing was lost', () => {
    const added = reconciled(played.told, played.events).map((event) => event.path);
    // That the PBX lists a recording says that there is one, though nothing ever said that it was completed.
    expect(added).toEqual(scenario.name === 'recording-never-completed' ? ['/events/recording', '/events/record/added'] : []);
  });
});

it('A call among colleagues is not completed: it concerns no customer', async () => {
  const internal = SCENARIOS.find((scenario) => scenario.name === 'internal') as Scenario;
  const { told } = await play(internal);
  expect(told).toHaveLength(1);
  expect(reconciled(told, [])).toEqual([]);
});
