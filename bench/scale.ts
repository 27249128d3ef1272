import { measureCapacity, warmUp, type Capacity } from './capacity.ts';
import { measureLatency, type Latency } from './latency.ts';
import { table } from './measure.ts';
import { startBenchPbx } from './pbx.ts';
import { PARTS, sumOf } from './processor.ts';
import { loadNow, machine, progress, publish } from './results.ts';
import { restartUnderLoad, type RollingRestart } from './rolling.ts';
import { startStage, type Stage } from './stage.ts';
import { startTemporalCluster, type TemporalCluster } from './temporal-cluster.ts';

const AGENTS = 60;
const PROCESSES = 2;

const callsOf = async (stage: Stage): Promise<number> =>
  Number(((await stage.db('calls').count('* as n')) as { n: string }[])[0]?.n);

interface Measured {
  readonly capacity: Capacity;
  readonly latency: Latency;
  readonly rolling: RollingRestart;
  /** What a call leaves in Temporal's databases. */
  readonly temporalBytes: number;
}

async function temporalSize(stage: Stage): Promise<number> {
  const { rows } = await stage.db.raw<{ rows: { bytes: string }[] }>(
    `select sum(pg_database_size(datname)) as bytes from pg_database where datname like 'temporal%'`,
  );
  return Number(rows[0]?.bytes);
}

function summaryOf(
  { capacity, latency, rolling, temporalBytes }: Measured,
  { services, shards, version }: TemporalCluster,
  load: number,
): string {
  const parts = Object.fromEntries(PARTS.map((part) => [`${part}, ms`, capacity.cost[part]]));
  const { rate, ack, card } = latency;
  return [
    `Temporal server ${version} on PostgreSQL: ${services.length} processes (${services.map(({ name }) => name).join(', ')}), ${shards} shards; ${PROCESSES} API and ${PROCESSES} worker processes.`,
    '',
    table([
      {
        ...{ call: 'answered, with a recording', 'calls/s': capacity.perSecond },
        ...parts,
        ...{ 'together, ms': sumOf(capacity.cost), 'load itself, ms': capacity.generator },
      },
    ]),
    '',
    table([
      { figure: `webhook answered, ms (${rate} calls/s)`, n: ack.count, p50: ack.p50, p95: ack.p95, p99: ack.p99 },
      { figure: 'webhook → call.ringing at the browser, ms', n: card.count, p50: card.p50, p95: card.p95, p99: card.p99 },
    ]),
    '',
    `A call leaves ${Math.round(temporalBytes / 1000)} kB in Temporal's databases.`,
    `Each process stopped (SIGTERM) and started again in turn, at ${rate} calls/s over ${rolling.seconds} s: ${rolling.restarts.map(({ what, seconds }) => `${what} ${seconds} s`).join(', ')}.`,
    `${rolling.posted} calls posted in ${rolling.webhooks} webhooks, of which ${rolling.webhooksRefused} were not taken; ${rolling.whole} calls came to one talk with one ticket and its recording; of ${rolling.told} the agent's browser was told that it came and that it ended (${rolling.streamsCut} streams were cut and resumed).`,
    '',
    machine(load),
  ].join('\n');
}

/**
 * `npm run bench -- scale [--short]`: the answered calls of `npm run bench` against Temporal's server on PostgreSQL in processes of its own (built
 * from its Go module), with two API and two worker processes behind a balancer; then all of them are restarted in turn under load.
 * Fails if a call does not come to one ticket with its recording, if its agent's browser is not told, or if a webhook is refused.
 */
export async function run(args: readonly string[]): Promise<void> {
  const isShort = args.includes('--short');
  const seconds = isShort ? 10 : 30;
  const warm = isShort ? 5 : 60;
  const load = loadNow();
  let cluster: TemporalCluster | undefined;
  const stage = await startStage(AGENTS, {
    ...{ apis: PROCESSES, workers: PROCESSES },
    startTemporal: async (serverUrl, directory) => (cluster = await startTemporalCluster(serverUrl, directory)),
  });
  try {
    progress('everything runs');
    const pbx = await startBenchPbx(stage);
    await warmUp(stage, pbx, warm);
    const [sizeBefore, callsBefore] = [await temporalSize(stage), await callsOf(stage)];
    const capacity = await measureCapacity(stage, pbx, 'answered', seconds);
    const grown = (await temporalSize(stage)) - sizeBefore;
    const temporalBytes = Math.round(grown / ((await callsOf(stage)) - callsBefore));
    progress('answered calls are measured');
    const half = Math.max(1, Math.round(capacity.perSecond / 2));
    const latency = await measureLatency(stage, half, seconds);
    progress('the latency is measured');
    const rolling = await restartUnderLoad(stage, pbx, half);
    await pbx.stop();
    const measured = { capacity, latency, rolling, temporalBytes };
    const summary = summaryOf(measured, cluster as TemporalCluster, load);
    await publish('scale', summary, { seconds, warm, load, ...measured });
    const { posted, whole, told, webhooksRefused } = rolling;
    if (whole < posted || told < posted || webhooksRefused > 0) process.exitCode = 1;
  } finally {
    await stage.stop();
  }
}
