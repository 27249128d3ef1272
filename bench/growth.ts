import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import type { Service } from '../run/supervise.ts';
import { measureCapacity, meanCapacity, warmUp, type Capacity } from './capacity.ts';
import { urlOfDatabase, withClient } from '../run/postgres-server.ts';
import { DATABASE, fillDatabase, isFilled, provideServer } from './filled-database.ts';
import { CARD_P95_MS, measureLatency, type Latency } from './latency.ts';
import { pause, table } from './measure.ts';
import { startBenchPbx } from './pbx.ts';
import { BenchCall } from './pbx-events.ts';
import { sumOf } from './processor.ts';
import { loadNow, machine, progress, publish } from './results.ts';
import { startStage, type Stage, type StageOptions } from './stage.ts';

const AGENTS = 60;
const TICKETS = 1_000_000;
const AT_ONCE = 40;
const CLONE = 'trubka_bench_growth';
const WITHIN = 0.1;
/** So long that no call that was opened ends by itself meanwhile. */
const ENV = { RECORDING_WAIT_SECONDS: '7200' };

interface Measured {
  readonly openCalls: number;
  readonly tickets: number;
  /** Of all rounds together. */
  readonly capacity: Capacity;
  readonly perSecond: readonly number[];
  /** Of the middle round by the card's median. */
  readonly latency: Latency;
  readonly cards: readonly number[];
}

/** Workflows that Temporal has open: Trubka's schedules are none. */
async function openWorkflows(stage: Stage): Promise<number> {
  const connection = await Connection.connect({ address: stage.temporalAddress });
  try {
    const { count } = await new Client({ connection }).workflow.count(`ExecutionStatus = 'Running'`);
    return count;
  } finally {
    await connection.close();
  }
}

let opened = 0;

/** Talks that are over and of which no recording comes: their calls wait for it. Begun as fast as the product follows. */
async function openCalls(stage: Stage, wanted: number): Promise<void> {
  const from = opened;
  const one = async (): Promise<void> => {
    while (opened - from < wanted) {
      const index = opened++;
      const call = new BenchCall(stage.url, stage.agents[index % AGENTS]?.extension ?? '', 1_000_000 + index);
      await call.leg('Connected');
      await call.leg('Disconnected');
      await call.summary();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  for (;;) {
    const { rows } = await stage.db.raw<{ rows: { behind: boolean }[] }>(
      `select exists (select from inbox where delivered_at is null) or exists (select from calls where state <> 'over') as behind`,
    );
    if (rows[0]?.behind === false) return;
    await pause(500);
  }
}

interface Durations {
  readonly seconds: number;
  /** Each is a measurement of its own: two of the same state differ by up to a tenth. */
  readonly rounds: number;
  /** Before anything is measured; nothing where the processes have been at work for long. */
  readonly warm?: number;
}

async function measureAt(
  stage: Stage,
  tickets: number,
  rate: number | undefined,
  { seconds, rounds, warm }: Durations,
): Promise<Measured> {
  const pbx = await startBenchPbx(stage);
  try {
    if (warm !== undefined) await warmUp(stage, pbx, warm);
    const open = await openWorkflows(stage);
    const capacities: Capacity[] = [];
    for (let round = 0; round < rounds; round++) capacities.push(await measureCapacity(stage, pbx, 'answered', seconds));
    const capacity = meanCapacity(capacities);
    const latencies: Latency[] = [];
    for (let round = 0; round < rounds; round++)
      latencies.push(await measureLatency(stage, rate ?? Math.max(1, Math.round(capacity.perSecond / 2)), seconds));
    progress(`measured with ${open} workflows open and ${tickets} tickets`);
    return {
      ...{ openCalls: open, tickets, capacity, latency: middle(latencies) },
      ...{ perSecond: capacities.map((one) => one.perSecond), cards: latencies.map(({ card }) => card.p50) },
    };
  } finally {
    await pbx.stop();
  }
}

const middle = (of: readonly Latency[]): Latency =>
  [...of].sort((a, b) => a.card.p50 - b.card.p50)[Math.floor(of.length / 2)] as Latency;

/** A copy of the filled database of `npm run bench -- statistics --keep DIR`; made if it is not there, which takes some minutes. */
async function filledStage(keep: string): Promise<StageOptions & { readonly filled: NonNullable<StageOptions['filled']> }> {
  const server = await provideServer(keep);
  if (!(await isFilled(server.url))) await fillDatabase(server.url, { tickets: TICKETS, days: 730 });
  const dropped = () => withClient(server.url, (client) => client.query(`drop database if exists ${CLONE} with (force)`));
  await dropped();
  await withClient(server.url, (client) => client.query(`create database ${CLONE} template ${DATABASE} strategy file_copy`));
  const databaseUrl = urlOfDatabase(server.url, CLONE);
  const stop = async (): Promise<void> => {
    await dropped();
    await server.stop();
  };
  return { env: ENV, filled: { databaseUrl, service: server.service as Service, stop } };
}

function tableOf(all: readonly Measured[]): { readonly text: string; readonly holds: boolean } {
  const [base] = all;
  let holds = true;
  const change = (now: number, then: number): string =>
    `${now >= then ? '+' : '−'}${Math.abs(Math.round((100 * (now - then)) / then))} %`;
  const rows = all.map(({ openCalls: open, tickets, capacity, perSecond, latency, cards }) => {
    const [then, card] = [base?.capacity.perSecond ?? 0, base?.latency.card.p50 ?? 0];
    const isAsFast = capacity.perSecond >= then * (1 - WITHIN) && latency.card.p50 <= card * (1 + WITHIN);
    const ok = isAsFast && latency.card.p95 < CARD_P95_MS;
    holds &&= ok;
    return {
      'open calls': open,
      tickets,
      'calls/s': capacity.perSecond,
      rounds: perSecond.join(', '),
      'to the first': change(capacity.perSecond, then),
      'processor, ms a call': sumOf(capacity.cost),
      [`card p50, ms (${latency.rate} calls/s)`]: latency.card.p50,
      'rounds ': cards.join(', '),
      'to the first ': change(latency.card.p50, card),
      'card p95, ms': latency.card.p95,
      '«Создать» p50, p95, ms': `${latency.ticket.p50}, ${latency.ticket.p95}`,
      'within 10 %': ok ? 'ok' : 'MISSED',
    };
  });
  return { text: table(rows), holds };
}

/**
 * `npm run bench -- growth [--open 1000,3000] [--keep DIR] [--rounds 3] [--short]`: the answered calls of `npm run bench` with none, and with so many, calls
 * open that wait for their recordings; with `--keep` also beside a million tickets (of `npm run bench -- statistics --keep DIR`). Opening a thousand
 * takes some minutes. Fails if calls a second or the card's median change by more than a
 * tenth, or if the card's p95 is 150 ms or more.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      open: { type: 'string', default: '1000' },
      keep: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      short: { type: 'boolean', default: false },
    },
  });
  const seconds = values.short ? 10 : 30;
  const warm = values.short ? 5 : 120;
  const rounds = values.short ? 1 : Number(values.rounds);
  const load = loadNow();
  const all: Measured[] = [];
  const stage = await startStage(AGENTS, { env: ENV });
  let rate: number | undefined;
  try {
    all.push(await measureAt(stage, 0, undefined, { seconds, rounds, warm }));
    rate = all[0]?.latency.rate;
    for (const wanted of values.open.split(',').map(Number).filter(Boolean)) {
      await openCalls(stage, wanted - opened);
      const open = await openWorkflows(stage);
      if (open < wanted) throw new Error(`${open} calls are open, not ${wanted}`);
      all.push(await measureAt(stage, 0, rate, { seconds, rounds }));
    }
  } finally {
    await stage.stop();
  }
  if (values.keep !== undefined) {
    const filled = await startStage(AGENTS, await filledStage(values.keep));
    try {
      all.push(await measureAt(filled, TICKETS, rate, { seconds, rounds, warm }));
    } finally {
      await filled.stop();
    }
  }
  const { text, holds } = tableOf(all);
  await publish('growth', `${text}\n\n${machine(load)}`, { seconds, rounds, warm, load, all });
  if (!holds) process.exitCode = 1;
}
