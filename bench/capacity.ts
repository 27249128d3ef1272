import type { DemoPbx } from '../run/demo-pbx/pbx.ts';
import { pause } from './measure.ts';
import { processorTimes, processorTimesPerCall, timesOf, type ProcessorTimes } from './processor.ts';
import { progress } from './results.ts';
import { SHAPES, type ShapeName } from './shapes.ts';
import type { Stage } from './stage.ts';

const LOOK_EVERY_MS = 250;
const PATIENCE_MS = 120_000;
/**
 * So many operators at most have calls at one time: enough that there is always something to do, although a call waits some seconds of its
 * life (a talk, the grace for what comes late). The floor's calls wait for nothing.
 */
const MOST_OPERATORS = 180;

export interface Capacity {
  readonly calls: number;
  readonly perSecond: number;
  /** Of one call. */
  readonly cost: ProcessorTimes;
  /** Processor milliseconds of one call in this process, which plays it. */
  readonly generator: number;
}

interface Awaited {
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Tells when calls are over, with their tickets in place. */
function watchCalls(stage: Stage): { over(entryId: string): Promise<void>; stop(): Promise<void> } {
  const waiting = new Map<string, Awaited>();
  let stopped = false;
  async function look(): Promise<void> {
    const { rows } = await stage.db.raw<{ rows: { entry_id: string }[] }>(
      `select entry_id from calls where entry_id = any(?) and state = 'over'`,
      [[...waiting.keys()]],
    );
    for (const { entry_id } of rows) {
      waiting.get(entry_id)?.resolve();
      waiting.delete(entry_id);
    }
    for (const [entryId, { since, reject }] of waiting)
      if (performance.now() - since > PATIENCE_MS)
        reject(new Error(`The call ${entryId} was not over within ${PATIENCE_MS / 1000} s`));
  }
  const looking = (async () => {
    while (!stopped) {
      await pause(LOOK_EVERY_MS);
      if (waiting.size > 0) await look();
    }
  })();
  return {
    over: (entryId) => new Promise((resolve, reject) => waiting.set(entryId, { since: performance.now(), resolve, reject })),
    async stop() {
      stopped = true;
      await looking;
    },
  };
}

const generatorTime = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000;

/**
 * How many calls of a shape a second the product keeps up with: every operator takes the next call as soon as their last one is over,
 * written down, so that no calls pile up. Recordings are fetched besides, as fast as the PBX's quota lets them be asked for.
 */
export async function measureCapacity(stage: Stage, pbx: DemoPbx, name: ShapeName, seconds: number): Promise<Capacity> {
  const shape = SHAPES[name];
  const watch = watchCalls(stage);
  const places = Math.floor(Math.min(MOST_OPERATORS, stage.agents.length) / shape.operators);
  const warmSeconds = Math.min(15, seconds / 2);
  const warmUntil = performance.now() + warmSeconds * 1000;
  const until = warmUntil + seconds * 1000;
  let [begun, ended] = [0, 0];
  const atPlace = async (place: number): Promise<void> => {
    const operators = stage.agents
      .slice(place * shape.operators, (place + 1) * shape.operators)
      .map(({ extension }) => extension);
    // Not all at once: what begins together would go on together, now all busy and now all waiting.
    await pause((place / places) * warmSeconds * 500);
    while (performance.now() < until) {
      const entryId = await shape.play(pbx, nextPhone(), operators);
      await watch.over(entryId);
      const now = performance.now();
      begun += 1;
      if (now >= warmUntil && now < until) ended += 1;
    }
  };
  const running = Promise.all(Array.from({ length: places }, (_, place) => atPlace(place)));
  await pause(warmUntil - performance.now());
  const [before, generatorBefore, warmed] = [processorTimes(stage), generatorTime(), begun];
  await Promise.race([running, pause(until - performance.now())]);
  const [after, generatorAfter] = [processorTimes(stage), generatorTime()];
  const counted = Math.max(1, begun - warmed);
  await running;
  await watch.stop();
  return {
    calls: ended,
    perSecond: Math.round((ended / seconds) * 10) / 10,
    cost: processorTimesPerCall(before, after, counted),
    generator: Math.round((generatorAfter - generatorBefore) / counted),
  };
}

/** To a tenth. */
export const meanOf = (of: readonly number[]): number =>
  Math.round((10 * of.reduce((sum, one) => sum + one, 0)) / of.length) / 10;

/** What several rounds of one shape come to. */
export const meanCapacity = (rounds: readonly Capacity[]): Capacity => ({
  calls: rounds.reduce((sum, { calls }) => sum + calls, 0),
  perSecond: meanOf(rounds.map(({ perSecond }) => perSecond)),
  cost: timesOf((part) => Math.round(meanOf(rounds.map(({ cost }) => cost[part])))),
  generator: Math.round(meanOf(rounds.map(({ generator }) => generator))),
});

/**
 * Calls until the processes are as fast as they are for the rest of their days: their code is compiled as it is used, and a call costs a third more
 * in the first minute than in the third.
 */
export async function warmUp(stage: Stage, pbx: DemoPbx, seconds: number): Promise<void> {
  await measureCapacity(stage, pbx, 'answered', seconds);
  progress('the processes are warm');
}

let phones = 0;
const nextPhone = (): string => `7998${String(1_000_000 + phones++)}`;
