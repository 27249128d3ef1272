import { processorMilliseconds } from './measure.ts';
import type { Part, Stage } from './stage.ts';

/** The product's processes. */
export const PARTS = ['api', 'worker', 'temporal', 'postgres'] as const;
/** Processor milliseconds by process. */
export type ProcessorTimes = Readonly<Record<Part, number>>;

export const timesOf = (of: (part: Part) => number): ProcessorTimes => ({
  api: of('api'),
  worker: of('worker'),
  temporal: of('temporal'),
  postgres: of('postgres'),
});

export const processorTimes = (stage: Stage): ProcessorTimes =>
  timesOf((part) => stage.parts[part].reduce((sum, { pid }) => sum + processorMilliseconds(pid ?? 0), 0));

export const processorTimesPerCall = (before: ProcessorTimes, after: ProcessorTimes, calls: number): ProcessorTimes =>
  timesOf((part) => Math.round((after[part] - before[part]) / calls));

export const sumOf = (times: ProcessorTimes): number => PARTS.reduce((sum, part) => sum + times[part], 0);
