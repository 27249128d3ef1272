import { mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { cpus } from 'node:os';
import { runFloor } from './floor/run.ts';
import { atRate, pause, processorMilliseconds, residentMegabytes, spreadOf, table, type Spread } from './measure.ts';
import { BenchCall } from './pbx-events.ts';
import { startStage, type Stage } from './stage.ts';

const RATE = 20;
const SECONDS = 30;
const OPEN_CALLS = 2_000;
const AGENTS = 40;
const RESULTS = new URL('../bench-results/', import.meta.url);

/** Every agent's event stream, and when each phone's `call.ringing` came. */
async function listen(stage: Stage): Promise<{ ringing(phone: string): Promise<number>; close(): void }> {
  const arrived = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const closers: (() => void)[] = [];
  for (const { cookie } of stage.agents) {
    await new Promise<void>((resolve, reject) => {
      const incoming = get(`${stage.url}/api/events`, { headers: { cookie } }, (response) => {
        if (response.statusCode !== 200) return reject(new Error(`The stream was answered ${response.statusCode}`));
        let rest = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          const at = performance.now();
          const blocks = (rest + chunk).split('\n\n');
          rest = blocks.pop() ?? '';
          for (const block of blocks) if (block.includes('event: call.ringing')) note(block, at);
        });
        resolve();
      });
      incoming.once('error', reject);
      closers.push(() => incoming.destroy());
    });
  }
  function note(block: string, at: number): void {
    const [, phone] = /"phone":"\+(\d+)"/.exec(block) ?? [];
    if (!phone) return;
    arrived.set(phone, at);
    waiting.get(phone)?.(at);
  }
  return {
    ringing: (phone) => {
      const at = arrived.get(phone);
      return at === undefined ? new Promise((resolve) => waiting.set(phone, resolve)) : Promise.resolve(at);
    },
    close: () => closers.forEach((close) => close()),
  };
}

interface CallFigures {
  readonly ack: Spread;
  readonly card: Spread;
  readonly delivered: Spread;
  readonly written: Spread;
  /** Processor time of one whole call, milliseconds, by process. */
  readonly cost: Readonly<Record<Part, number>>;
  /** From the last call's beginning until every call was over, its ticket made, seconds. */
  readonly settledAfter: number;
}

const PARTS = ['api', 'worker', 'temporal', 'postgres'] as const;
type Part = (typeof PARTS)[number];

function processorTimes(stage: Stage): Record<Part, number> {
  const of = (part: Part): number => processorMilliseconds(stage[part].pid ?? 0);
  return { api: of('api'), worker: of('worker'), temporal: of('temporal'), postgres: of('postgres') };
}

/** Every call is over and has been written down. */
async function untilSettled(stage: Stage): Promise<void> {
  for (;;) {
    const { rows } = await stage.db.raw<{ rows: { open: boolean }[] }>(
      `select exists (select from calls where state <> 'over') as open`,
    );
    if (rows[0]?.open === false) return;
    await pause(200);
  }
}

/** Whole calls at a steady rate: ring, answer, end, summary; each webhook's answer and each card's arrival are timed. */
async function measureCalls(stage: Stage, seconds: number): Promise<CallFigures> {
  const streams = await listen(stage);
  const acks: number[] = [];
  const cards: number[] = [];
  const one = async (index: number, counts: boolean): Promise<void> => {
    const agent = stage.agents[index % stage.agents.length];
    if (!agent) throw new Error('There are no agents');
    const call = new BenchCall(stage.url, agent.extension, index);
    const startedAt = performance.now();
    const ack = await call.leg('Appeared');
    const card = (await streams.ringing(call.phone)) - startedAt;
    const rest = [await call.leg('Connected'), await call.leg('Disconnected'), await call.summary()];
    if (!counts) return;
    acks.push(ack, ...rest);
    cards.push(card);
  };
  await atRate(RATE, 5, (index) => one(index, false));
  await untilSettled(stage);
  const before = processorTimes(stage);
  await atRate(RATE, seconds, (index) => one(10_000 + index, true));
  const lastAt = performance.now();
  await untilSettled(stage);
  const settledAfter = Math.round((performance.now() - lastAt) / 100) / 10;
  const after = processorTimes(stage);
  const costOf = (part: Part): number => Math.round((after[part] - before[part]) / (RATE * seconds));
  const cost = { api: costOf('api'), worker: costOf('worker'), temporal: costOf('temporal'), postgres: costOf('postgres') };
  streams.close();
  return { ack: spreadOf(acks), card: spreadOf(cards), ...(await stations(stage)), cost, settledAfter };
}

/** Where a card's time goes: in the inbox until Temporal has the event, and until the stream's row is written. */
async function stations(stage: Stage): Promise<{ delivered: Spread; written: Spread }> {
  const { rows } = await stage.db.raw<{ rows: { delivered: number; written: number }[] }>(
    `select extract(epoch from i.delivered_at - i.received_at) * 1000 as delivered,
       extract(epoch from s.at - i.received_at) * 1000 as written
     from stream_events s join calls c on c.id = (s.payload ->> 'callId')::uuid
     join inbox i on i.entry = c.entry_id and i.body ->> 'call_state' = 'Appeared' where s.type = 'call.ringing'`,
  );
  return {
    delivered: spreadOf(rows.map((row) => Number(row.delivered))),
    written: spreadOf(rows.map((row) => Number(row.written))),
  };
}

async function measureMemory(
  stage: Stage,
  openCalls: number,
): Promise<{ api: number; worker: number; idleApi: number; idleWorker: number }> {
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

/** Issue's aims: card p95 under 250 ms at 20 calls a second, ack median under 20 ms, API + worker under 600 MB with 2,000 calls open. */
export async function run(args: readonly string[]): Promise<void> {
  const seconds = args.includes('--short') ? 5 : SECONDS;
  const openCalls = args.includes('--short') ? 200 : OPEN_CALLS;
  const stage = await startStage(AGENTS);
  try {
    const floor = await runFloor({
      databaseUrl: stage.databaseUrl,
      temporalAddress: stage.temporalAddress,
      rate: RATE,
      seconds,
    });
    progress('the floor is measured');
    const calls = await measureCalls(stage, seconds);
    progress('calls are measured');
    const memory = await measureMemory(stage, openCalls);
    const rows = [
      { figure: `webhook answered, ms (${RATE} calls/s)`, ...shape(calls.ack), aim: 'p50 < 20' },
      { figure: `webhook → call.ringing at the browser, ms (${RATE} calls/s)`, ...shape(calls.card), aim: 'p95 < 250' },
      { figure: '  of which webhook → Temporal has it, ms', ...shape(calls.delivered), aim: '' },
      { figure: '  of which webhook → decided and written, ms', ...shape(calls.written), aim: '' },
      { figure: `floor: signal → row written by a local activity, ms (${RATE} workflows/s)`, ...shape(floor), aim: '' },
    ];
    const summary = [
      table(rows),
      '',
      `A call costs ${PARTS.map((part) => `${part} ${calls.cost[part]}`).join(' + ')} = ${PARTS.reduce((sum, part) => sum + calls.cost[part], 0)} ms of processor time; the last was settled ${calls.settledAfter} s after it began.`,
      `Memory with ${openCalls} calls open: API ${memory.api} MB + worker ${memory.worker} MB = ${memory.api + memory.worker} MB (aim < 600; idle ${memory.idleApi} + ${memory.idleWorker}).`,
      `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${new Date().toISOString()}.`,
    ].join('\n');
    await mkdir(RESULTS, { recursive: true });
    await writeFile(new URL('calls.md', RESULTS), `${summary}\n`);
    await writeFile(
      new URL('calls.json', RESULTS),
      `${JSON.stringify({ rate: RATE, seconds, calls, floor, memory }, null, 2)}\n`,
    );
    process.stdout.write(`${summary}\n`);
  } finally {
    await stage.stop();
  }
}

const progress = (what: string): void => void process.stderr.write(`${what}\n`);
const shape = ({ count, p50, p95, p99 }: Spread): Record<string, number> => ({ n: count, p50, p95, p99 });
