import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallbackCall } from '../../run/demo-pbx/callback.ts';
import { CallOver, StepImpossible } from '../../run/demo-pbx/call.ts';
import { createDemoPbx, type DemoPbx, type DemoPbxOptions } from '../../run/demo-pbx/pbx.ts';
import type { ErasureRecord, Evidence, OrderRecord, StoryRecord, StrikeRecord } from './checker/evidence.ts';
import { Person } from './client.ts';
import { Desk } from './desk.ts';
import { watchFootprint } from './footprint.ts';
import { gather } from './gather.ts';
import { dice, type Dice } from './random.ts';
import { ACCOUNT, emailOf, IGNORED, MAPPED } from './staff.ts';
import { ADMIN, startStack, type Stack } from './stack.ts';
import { SHAPES, type Shape } from './stories.ts';
import { drawStrikes, strike, strikeNamed, type Strike } from './strikes.ts';
import { drawWindows, installStops } from './windows.ts';
import { lender, Teller, Trouble, type Scene } from './teller.ts';

export interface CampaignOptions {
  readonly calls: number;
  readonly kills: number;
  /** Faults that are no kill. */
  readonly others: number;
  readonly seed: number;
  /** Calls that go on at the same time. */
  readonly abreast: number;
  /** How long the product may take to finish what is under way at the end. */
  readonly drainSeconds: number;
  /** Names of faults beside those that are drawn. */
  readonly also: readonly string[];
  /** Names of the only shapes of stories to tell; all if none is named. */
  readonly only: readonly string[];
  /** How often each point of a call's life is held open for each process to be killed at it. */
  readonly windows: number;
  readonly say: (line: string) => void;
}

/** What goes wrong all the time: a PBX that repeats, delays, mixes up, forgets, and refuses. */
const USUAL: NonNullable<DemoPbxOptions['faults']> = {
  deliveries: [
    { chance: 0.12, duplicate: 1 },
    { chance: 0.03, duplicate: 4 },
    { chance: 0.12, delayMs: 300 },
    { chance: 0.04, delayMs: 2_000 },
    { chance: 0.05, quoteNumbers: true },
    { chance: 0.04, omitOptional: true },
    { path: 'events/call', chance: 0.02, clockSeconds: 3 },
    { path: 'events/call', chance: 0.02, clockSeconds: -3 },
    { path: 'events/summary', chance: 0.04, delayMs: 12_000 },
    { path: 'events/record/added', chance: 0.05, delayMs: 8_000 },
    { path: 'events/summary', chance: 0.03, lose: true },
  ],
  commands: [
    { path: 'commands/callback', chance: 0.08, code: 4_100 },
    { path: 'commands/callback', chance: 0.08, loseAnswer: true },
    { chance: 0.1, delayMs: 1_200 },
  ],
  // The product looks at the first 6 KB before it keeps anything: half of each is more.
  recordings: { leastSeconds: 6 },
};
const PASSWORD = 'a quiet place to talk';

export interface Told {
  readonly stories: readonly StoryRecord[];
  readonly strikes: readonly StrikeRecord[];
  readonly erasures: readonly ErasureRecord[];
}

/** Runs the product, its PBX and its agents, lets faults strike, and gathers what is to be judged. */
export async function runCampaign(options: CampaignOptions): Promise<Evidence> {
  const { seed, say } = options;
  const fate = dice(seed);
  const pbx = createDemoPbx({
    targetUrl: 'http://127.0.0.1:9',
    account: ACCOUNT,
    key: `canarykey${randomBytes(8).toString('hex')}`,
    salt: `canarysalt${randomBytes(8).toString('hex')}`,
    pace: 'real',
    seed,
    faults: USUAL,
    callbacks: { mode: 'manual' },
    retries: 400,
    retryDelayMs: 300,
    timeoutMs: 6_000,
    parallel: fate.child(1).chance(0.5),
  });
  await pbx.start();
  const { key, salt } = pbx.credentials;
  const stack = await startStack({
    pbx: { url: pbx.url, key, salt },
    recordingsMb: 16 + Math.ceil(options.calls / 50),
    // Its log alone may grow to twice 512 MB before it is used again.
    databaseMb: 1_300 + Math.ceil(options.calls / 10),
  });
  say(`The product runs in ${stack.dataDir}${stack.smallDisk ? '' : ' (on the disk of this machine: it is never full)'}`);
  try {
    pbx.setTarget(stack.url);
    if (options.windows > 0) await installStops(stack);
    const footprint = watchFootprint(stack);
    const scene = await furnish(stack, pbx);
    const told = await tell(options, fate, stack, scene);
    const { deliveries: _none, ...calm } = USUAL;
    pbx.setFaults({ ...calm, commands: [] });
    await echo(pbx, fate.child(4), Math.ceil(options.calls / 2));
    say('All calls are over: waiting until nothing is under way any more');
    const gathered = await gather({
      stack,
      scene,
      seed,
      ...told,
      secrets: [key, salt, ADMIN.password, PASSWORD],
      drainMs: options.drainSeconds * 1000,
      say,
    });
    return { ...gathered, footprint: await footprint.end() };
  } finally {
    await pbx.stop();
    await stack.stop();
  }
}

/** Agents, operators and who has which: all by the REST interface. */
export async function furnish(stack: Stack, pbx: DemoPbx): Promise<Scene> {
  const admin = await new Person(stack.url, ADMIN.email, ADMIN.password).signIn();
  await admin.ask('POST', '/api/operators/refresh', {});
  const { items } = await admin.get<{ items: { id: string; extension: string }[] }>('/api/operators');
  const desks = new Map<string, Desk>();
  for (const { id, extension } of items) {
    if (extension === IGNORED) await admin.ask('PATCH', `/api/operators/${id}`, { ignored: true });
    if (!MAPPED.includes(extension)) continue;
    const body = { fullName: `Сотрудник ${extension}`, email: emailOf(extension), role: 'agent', password: PASSWORD };
    const { body: agent } = await admin.ask('POST', '/api/agents', body);
    await admin.ask('PATCH', `/api/operators/${id}`, { agentId: (agent as { id: string }).id });
    const desk = new Desk(stack.url, emailOf(extension), PASSWORD, extension);
    await desk.signIn();
    desk.begin();
    desks.set(extension, desk);
  }
  const orders: OrderRecord[] = [];
  return { pbx, desks, admin, orders, callbackFor: callbacksOf(pbx), borrowCaller: lender(desks) };
}

function callbacksOf(pbx: DemoPbx): Scene['callbackFor'] {
  const arrived = new Map<string, CallbackCall>();
  void (async () => {
    for (;;) {
      const call = await pbx.nextCallback();
      arrived.set(call.options.commandId, call);
    }
  })();
  return async (commandId, patienceMs) => {
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline && !arrived.has(commandId) && !isRefused(pbx, commandId)) await delay(50);
    return arrived.get(commandId);
  };
}

function isRefused(pbx: DemoPbx, commandId: string): boolean {
  return pbx.log.received.some(({ json, result }) => result !== null && result >= 2_000 && json.includes(commandId));
}

async function tell(options: CampaignOptions, fate: Dice, stack: Stack, scene: Scene): Promise<Told> {
  const known = SHAPES.filter(([, { name }]) => options.only.length === 0 || options.only.includes(name));
  const shapes = drawShapes(fate.child(2), options.calls, known);
  const drawn = drawStrikes(fate.child(3), options, stack.smallDisk);
  const strikes = [...spread(drawn, drawWindows(fate.child(9), options.windows)), ...options.also.map(strikeNamed)];
  const stories: StoryRecord[] = [];
  const erasures: Promise<ErasureRecord | undefined>[] = [];
  const startedAt = Date.now();
  let begun = 0;
  let striking = true;
  // Those of the first half, so that the end does not wait for them; more where an erasure is to be held open.
  const isErased = (story: number): boolean =>
    (options.windows > 0 ? striking : story < options.calls / 2) && fate.child(7).child(story).chance(0.2);
  /** Beyond those that were asked for, as many as it takes until the last strike has struck while work was under way. */
  const next = (): Shape | undefined => shapes[begun] ?? (striking ? fate.child(6).child(begun).weighted(known) : undefined);
  const worker = async (): Promise<void> => {
    for (let shape = next(); shape; shape = next()) {
      const story = begun++;
      const teller = tellerOf(shape, story, fate.child(1000 + story), scene);
      const told = await tellOne(shape, story, teller);
      stories.push(told);
      if (told.trouble === null && isErased(story)) erasures.push(erase(teller, story, fate.child(8).child(story)));
      if (stories.length % 50 === 0) options.say(`${stories.length} of ${shapes.length} stories told`);
    }
  };
  const field = { stack, scene, startedAt, say: options.say, dice: fate.child(5) };
  const struck = strikeOn(strikes, () => begun / shapes.length, field).finally(() => (striking = false));
  await Promise.all(Array.from({ length: options.abreast }, worker));
  const records = await struck;
  await scene.pbx.settled();
  const erased = (await Promise.all(erasures)).filter((one) => one !== undefined);
  return { stories: stories.sort((a, b) => a.story - b.story), strikes: records, erasures: erased };
}

/** Two lists in one, each in its order and evenly spread. */
function spread<T>(some: readonly T[], others: readonly T[]): T[] {
  const placed = (list: readonly T[]): [number, T][] => list.map((item, index) => [(index + 0.5) / list.length, item]);
  return [...placed(some), ...placed(others)].sort(([a], [b]) => a - b).map(([, item]) => item);
}

function drawShapes(fate: Dice, calls: number, known: typeof SHAPES): Shape[] {
  const shapes: Shape[] = [];
  for (let left = calls; left > 0;) {
    const fitting = known.filter(([, { chapters }]) => chapters.length <= left);
    const shape = fate.weighted(fitting.length > 0 ? fitting : known);
    shapes.push(shape);
    left -= shape.chapters.length;
  }
  return shapes;
}

const tellerOf = ({ hidden }: Shape, story: number, fate: Dice, scene: Scene): Teller =>
  new Teller(scene, fate, hidden ? null : `+7906${String(1_000_000 + story)}`, `т${story}`);

/** An admin has the customer erased as soon as their last talk stands in a ticket, recording or not. */
async function erase(teller: Teller, story: number, fate: Dice): Promise<ErasureRecord | undefined> {
  const { scene, phone } = teller;
  const texts = fate.one(['erase', 'keep'] as const);
  const customerId = (await teller.settled().catch(() => [])).at(-1)?.customer?.id;
  if (phone === null || customerId === undefined) return undefined;
  const { status } = await scene.admin.ask('POST', `/api/customers/${customerId}/erasure`, { reason: 'request', texts });
  return { story, phone, customerId, texts, status };
}

async function tellOne(shape: Shape, story: number, teller: Teller): Promise<StoryRecord> {
  let trouble: string | null = null;
  try {
    for (const [index, chapter] of shape.chapters.entries()) {
      if (index > 0) await teller.settled();
      await chapter(teller);
    }
  } catch (error) {
    if (!(error instanceof Trouble) && !(error instanceof CallOver) && !(error instanceof StepImpossible)) throw error;
    trouble = error.message;
  }
  const { phone, entryIds, longestWaitMs } = teller;
  return { story, shape: shape.name, phone, entryIds, trouble, longestWaitMs };
}

interface Battlefield {
  readonly stack: Stack;
  readonly scene: Scene;
  readonly startedAt: number;
  readonly say: (line: string) => void;
  readonly dice: Dice;
}

/**
 * Spread over the campaign; each waits until work is under way, and three of five until the one before is healed. Where a point is held open
 * nothing else strikes.
 */
async function strikeOn(strikes: readonly Strike[], progress: () => number, field: Battlefield): Promise<StrikeRecord[]> {
  const { stack, scene, startedAt, say } = field;
  const under: Promise<StrikeRecord>[] = [];
  for (const [index, one] of strikes.entries()) {
    const from = (0.95 * (index + field.dice.next())) / strikes.length;
    while (progress() < from) await delay(50);
    await delay(field.dice.between(0, 600));
    if (one.window !== undefined) await Promise.all(under);
    while (scene.pbx.calls.size === 0) await delay(20);
    const striking = strike(one, { stack, pbx: scene.pbx, usual: USUAL }, startedAt);
    under.push(striking);
    const told = striking.then(({ recoveredMs, inFlight, isHeld }) =>
      say(
        `${one.name}${isHeld === false ? ' (NOT HELD OPEN)' : ''}: ${inFlight} calls in flight, ${recoveredMs === null ? 'NOT RECOVERED' : `well again after ${recoveredMs} ms`}`,
      ),
    );
    if (!field.dice.chance(0.4) || one.window !== undefined) await told;
  }
  return Promise.all(under);
}

/** Old events come once more, long after: nothing may come of it. */
async function echo(pbx: DemoPbx, fate: Dice, count: number): Promise<void> {
  const old = pbx.log.sent.filter(({ status, path }) => status === 200 && path.startsWith('/events/'));
  const left = fate.some(old, count);
  const sender = async (): Promise<void> => {
    for (let one = left.pop(); one; one = left.pop()) await pbx.send(one.path, JSON.parse(one.json) as Record<string, unknown>);
  };
  await Promise.all(Array.from({ length: 8 }, sender));
}
