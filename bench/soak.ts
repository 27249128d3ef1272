import { get } from 'node:http';
import { atRate, pause, residentMegabytes, table } from './measure.ts';
import { BenchCall } from './pbx-events.ts';
import { startStage, type Stage } from './stage.ts';

const CALLS_PER_SECOND = 1;
const AGENTS = 10;
const LOOK_EVERY_MS = 30_000;
/** What start-up leaves behind is collected by then: the first look that counts. */
const WARM_UP_SHARE = 0.2;

interface Look {
  readonly minute: number;
  readonly api: number;
  readonly worker: number;
}

function minutesOf(args: readonly string[]): number {
  const given = Number(args[args.indexOf('--minutes') + 1]);
  return args.includes('--minutes') && given > 0 ? given : 10;
}

async function wholeCall(stage: Stage, index: number): Promise<void> {
  const call = new BenchCall(stage.url, stage.agents[index % AGENTS]?.extension ?? '', index);
  await call.leg('Appeared');
  await pause(500);
  await call.leg('Connected');
  await pause(1500);
  await call.leg('Disconnected');
  await call.summary();
}

/** Megabytes per hour, by least squares over the looks after the warm-up. */
export function growth(looks: readonly Look[], which: 'api' | 'worker'): number {
  const counted = looks.slice(Math.floor(looks.length * WARM_UP_SHARE));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [atMean, sizeMean] = [mean(counted.map(({ minute }) => minute)), mean(counted.map((look) => look[which]))];
  const above = counted.reduce((sum, look) => sum + (look.minute - atMean) * (look[which] - sizeMean), 0);
  const below = counted.reduce((sum, { minute }) => sum + (minute - atMean) ** 2, 0);
  return Math.round((60 * above) / below);
}

/** `npm run bench -- soak --minutes N`: calls at a steady low rate, lists read, streams open; the memory of API and worker as time goes by. */
export async function run(args: readonly string[]): Promise<void> {
  const minutes = minutesOf(args);
  const stage = await startStage(AGENTS);
  const looks: Look[] = [];
  const startedAt = performance.now();
  const look = (): void => {
    const minute = Math.round((performance.now() - startedAt) / 6000) / 10;
    looks.push({ minute, api: residentMegabytes(stage.api.pid ?? 0), worker: residentMegabytes(stage.worker.pid ?? 0) });
  };
  const streams = stage.agents.map(({ cookie }) =>
    get(`${stage.url}/api/events`, { headers: { cookie } }, (answer) => answer.resume()),
  );
  const timer = setInterval(look, LOOK_EVERY_MS);
  try {
    await atRate(CALLS_PER_SECOND, minutes * 60, async (index) => {
      const { cookie } = stage.agents[index % AGENTS] ?? { cookie: '' };
      const list = await fetch(`${stage.url}/api/tickets`, { headers: { cookie } });
      await list.arrayBuffer();
      await wholeCall(stage, index);
    });
    look();
  } finally {
    clearInterval(timer);
    for (const stream of streams) stream.destroy();
    await stage.stop();
  }
  console.log(table(looks.map(({ minute, api, worker }) => ({ minute, 'API, MB': api, 'worker, MB': worker }))));
  console.log(`\n${minutes} minutes, ${minutes * 60 * CALLS_PER_SECOND} calls, ${AGENTS} streams.`);
  console.log(`Growth after the first fifth: API ${growth(looks, 'api')} MB/h, worker ${growth(looks, 'worker')} MB/h.`);
}
