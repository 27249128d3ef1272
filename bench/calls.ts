import { meanCapacity, meanOf, measureCapacity, warmUp, type Capacity } from './capacity.ts';
import { historyCost, tableGrowth, tableSizes, usageOf, usagePerCall, type HistoryCost, type Usage } from './cost.ts';
import { plainCapacity, startEngineFloor } from './floor/capacity.ts';
import { runFloor } from './floor/run.ts';
import { CARD_P95_MS, measureLatency, type Latency } from './latency.ts';
import { atRate, pause, residentMegabytes, table, type Spread } from './measure.ts';
import { startBenchPbx } from './pbx.ts';
import { BenchCall } from './pbx-events.ts';
import { PARTS, sumOf } from './processor.ts';
import { loadNow, machine, progress, publish } from './results.ts';
import { SHAPES, type ShapeName } from './shapes.ts';
import { startStage, type Stage } from './stage.ts';
import { openUnwatched } from './streams-of-agents.ts';

const RATE = 20;
const AGENTS = 240;
/** What the PBX says of one answered call; the product gives its workflow several of these in one signal where they come together. */
const WEBHOOKS_OF_A_CALL = 7;
const ROUNDS = 3;

interface Durations {
  readonly seconds: number;
  /** Before anything is measured. */
  readonly warm: number;
}

interface Memory {
  readonly api: number;
  readonly worker: number;
  readonly idleApi: number;
  readonly idleWorker: number;
}

async function measureMemory(stage: Stage, openCalls: number): Promise<Memory> {
  const now = (): { api: number; worker: number } => ({
    api: residentMegabytes(stage.api.pid ?? 0),
    worker: residentMegabytes(stage.worker.pid ?? 0),
  });
  const idle = now();
  await atRate(40, openCalls / 40, async (index) => {
    const call = new BenchCall(stage.url, stage.agents[index % stage.agents.length]?.extension ?? '', 100_000 + index);
    await call.leg('Appeared');
    await call.leg('Connected');
  });
  for (;;) {
    const { rows } = await stage.db.raw<{ rows: { open: number }[] }>(
      `select count(*)::int as open from call_cards where state = 'talking'`,
    );
    if ((rows[0]?.open ?? 0) >= openCalls) break;
    await pause(500);
  }
  const full = now();
  return { ...full, idleApi: idle.api, idleWorker: idle.worker };
}

interface Floors {
  readonly asSent: number;
  readonly perWebhook: number;
}

interface Capacities {
  readonly shapes: Readonly<Record<ShapeName, Capacity>>;
  readonly usage: Usage;
  readonly tables: ReturnType<typeof tableGrowth>;
  readonly history: HistoryCost;
  /** The engine's floors, workflows a second: with as many signals as the product sends, and with one for each webhook. */
  readonly engine: Floors;
  /** Signals of the first of these. */
  readonly signals: number;
  /** Calls a second of the turns that answered calls and the engine's floors took. */
  readonly rounds: readonly ({ readonly answered: number } & Floors)[];
  readonly plain: number;
}

/**
 * Each shape beside the floors, in the same run; what an answered call uses is counted meanwhile. Answered calls and the engine's floor take turns, both
 * warm: a machine that others use, too, is not equally fast for minutes.
 */
async function measureCapacities(stage: Stage, { seconds, warm }: Durations): Promise<Capacities> {
  const pbx = await startBenchPbx(stage);
  // Every agent's browser is told meanwhile.
  const closeStreams = await openUnwatched(stage);
  try {
    await warmUp(stage, pbx, warm);
    const callsSoFar = async (): Promise<number> => Number(((await stage.db('calls').count('* as n')) as { n: string }[])[0]?.n);
    const [before, sizes, callsBefore] = [await usageOf(stage), await tableSizes(stage), await callsSoFar()];
    const answered = [await measureCapacity(stage, pbx, 'answered', seconds)];
    // Postgres tells its figures a second late.
    await pause(2000);
    const calls = (await callsSoFar()) - callsBefore;
    const usage = usagePerCall(before, await usageOf(stage), calls);
    const tables = tableGrowth(sizes, await tableSizes(stage), calls);
    const history = await historyCost(stage, '7998', 40);
    progress('what a call costs is counted');
    const load = (events: number) => ({
      databaseUrl: stage.databaseUrl,
      temporalAddress: stage.temporalAddress,
      events,
      rowsPerEvent: Math.ceil(usage.rowsWritten / events),
      atOnce: 60,
      seconds,
    });
    const signals = Math.max(1, Math.round(history.signals));
    const engine: Floors[] = [];
    const floor = await startEngineFloor(stage);
    try {
      const round = async (): Promise<Floors> => ({
        asSent: await floor.round(load(signals)),
        perWebhook: await floor.round(load(WEBHOOKS_OF_A_CALL)),
      });
      await round();
      while (engine.length < ROUNDS) {
        engine.push(await round());
        if (answered.length < ROUNDS) answered.push(await measureCapacity(stage, pbx, 'answered', seconds));
      }
    } finally {
      await floor.stop();
    }
    progress('answered calls and the floors of the engine are measured');
    const missed = await measureCapacity(stage, pbx, 'missed', seconds);
    const transferred = await measureCapacity(stage, pbx, 'transferred', seconds);
    const group = await measureCapacity(stage, pbx, 'group', seconds);
    progress('the other shapes are measured');
    const plain = await plainCapacity(load(WEBHOOKS_OF_A_CALL));
    const rounds = answered.map(({ perSecond }, at) => ({ answered: perSecond, ...(engine[at] as Floors) }));
    return {
      ...{
        shapes: { answered: meanCapacity(answered), missed, transferred, group },
        usage,
        tables,
        history,
        signals,
        rounds,
        plain,
      },
      engine: {
        asSent: meanOf(engine.map(({ asSent }) => asSent)),
        perWebhook: meanOf(engine.map(({ perWebhook }) => perWebhook)),
      },
    };
  } finally {
    closeStreams();
    await pbx.stop();
  }
}

function capacityTable({ shapes, engine, signals, plain }: Capacities): string {
  const rows = (Object.keys(SHAPES) as ShapeName[]).map((name) => {
    const { perSecond, cost, generator } = shapes[name];
    const parts = Object.fromEntries(PARTS.map((part) => [`${part}, ms`, cost[part]]));
    return {
      call: SHAPES[name].title,
      'calls/s': perSecond,
      ...parts,
      'together, ms': sumOf(cost),
      'load itself, ms': generator,
    };
  });
  const empty = { ...Object.fromEntries(PARTS.map((part) => [`${part}, ms`, ''])), 'together, ms': '', 'load itself, ms': '' };
  const floor = (call: string, perSecond: number) => ({ call, 'calls/s': perSecond, ...empty });
  return table([
    ...rows,
    floor(`floor: smallest workflow, ${signals} signals (as many as the product sends), the same rows`, engine.asSent),
    floor(`floor: smallest workflow, ${WEBHOOKS_OF_A_CALL} signals (one for each webhook), the same rows`, engine.perWebhook),
    floor(`floor: no engine, Express writes the same rows`, plain),
  ]);
}

function latencyTable(latencies: readonly Latency[], floor: Spread, floorRate: number): string {
  const rows = latencies.flatMap((one) => {
    const at = `${one.rate} calls/s`;
    return [
      { figure: `webhook answered, ms (${at})`, ...shape(one.ack), aim: one.rate === RATE ? 'p50 < 20' : '' },
      {
        figure: `webhook → call.ringing at the browser, ms (${at})`,
        ...shape(one.card),
        aim: one.rate === RATE ? 'p95 < 250' : `p95 < ${CARD_P95_MS}`,
      },
      { figure: '  of which webhook → Temporal has it, ms', ...shape(one.delivered), aim: '' },
      { figure: '  of which webhook → decided and written, ms', ...shape(one.written), aim: '' },
      { figure: `«Создать» → the ticket, ms (${at})`, ...shape(one.ticket), aim: '' },
    ];
  });
  const last = {
    figure: `floor: signal → row written by a local activity, ms (${floorRate} workflows/s)`,
    ...shape(floor),
    aim: '',
  };
  return table([...rows, last]);
}

const percent = (part: number, whole: number): string => `${Math.round((100 * part) / whole)} %`;
const kilobytes = (bytes: number): number => Math.round(bytes / 1000);

/**
 * `npm run bench`: what agents feel and what operators pay, beside the floors of the same run. Aims: four fifths of the engine's floor in calls
 * a second, the card within 150 ms (p95) at half of that, or it fails; within 250 ms at 20 calls a second; API and worker under 600 MB with 2,000 calls open.
 */
export async function run(args: readonly string[]): Promise<void> {
  const isShort = args.includes('--short');
  const seconds = isShort ? 5 : 30;
  const warm = isShort ? 5 : 60;
  const load = loadNow();
  const openCalls = isShort ? 200 : 2_000;
  const stage = await startStage(AGENTS);
  try {
    const { databaseUrl, temporalAddress } = stage;
    const capacities = await measureCapacities(stage, { seconds, warm });
    const half = Math.max(1, Math.round(capacities.shapes.answered.perSecond / 2));
    const floor = await runFloor({ databaseUrl, temporalAddress, rate: half, steps: capacities.signals, seconds });
    progress('the latency of the floor is measured');
    const latencies = [await measureLatency(stage, half, seconds), await measureLatency(stage, RATE, seconds)];
    progress('latencies are measured');
    const memory = await measureMemory(stage, openCalls);
    const { usage, tables, history, shapes, engine, rounds } = capacities;
    const summary = [
      capacityTable(capacities),
      '',
      `Answered calls reach ${percent(shapes.answered.perSecond, engine.asSent)} of the engine's floor with as many signals (aim: 80 %), ${percent(shapes.answered.perSecond, engine.perWebhook)} of that with a signal for each webhook; in turns: ${rounds.map((one) => `${one.answered} of ${one.asSent} and ${one.perWebhook}`).join(', ')}.`,
      '',
      latencyTable(latencies, floor, half),
      '',
      `An answered call with its recording takes ${history.workflowTasks} workflow tasks, ${history.events} history events (${history.signals} signals, ${history.activities} activities, ${history.localActivities} markers of local ones, ${history.timers} timers), ${usage.statements} SQL statements in ${usage.transactions} transactions that write ${usage.rowsWritten} rows; it leaves ${kilobytes(usage.postgresBytes)} kB in PostgreSQL (${kilobytes(usage.walBytes)} kB of WAL) and ${kilobytes(usage.temporalBytes)} kB in Temporal's database.`,
      `The tables that grew most, kB a call: ${tables.map(({ name, bytes }) => `${name} ${Math.round(bytes / 100) / 10}`).join(', ')}.`,
      ...latencies.map(
        ({ rate, cost, settledAfter }) =>
          `At ${rate} calls/s a call without a recording costs ${PARTS.map((part) => `${part} ${cost[part]}`).join(' + ')} = ${sumOf(cost)} ms of processor time; the last was settled ${settledAfter} s after it began.`,
      ),
      `Memory with ${openCalls} calls open: API ${memory.api} MB + worker ${memory.worker} MB = ${memory.api + memory.worker} MB (aim < 600; idle ${memory.idleApi} + ${memory.idleWorker}).`,
      machine(load),
    ].join('\n');
    const card = latencies[0]?.card.p95 ?? Number.POSITIVE_INFINITY;
    if (!isShort && (shapes.answered.perSecond < 0.8 * engine.asSent || card >= CARD_P95_MS)) process.exitCode = 1;
    await publish('calls', summary, { seconds, warm, load, capacities, latencies, floor, memory });
  } finally {
    await stage.stop();
  }
}

const shape = ({ count, p50, p95, p99 }: Spread): Record<string, number> => ({ n: count, p50, p95, p99 });
