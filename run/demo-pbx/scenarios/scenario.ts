import type { Call } from '../call.ts';
import { CallOver, StepImpossible } from '../call.ts';
import type { FieldMode } from '../entry.ts';
import type { RecordingPlan } from '../facts.ts';
import type { Switchboard } from '../switchboard.ts';

/** What may be said about any scenario; each uses what it understands. Seconds on the PBX's clock. */
export interface ScenarioOptions {
  /** The caller: a number outside, or for calls out of the PBX an extension. */
  readonly from?: string;
  /** Whom it is about: extensions, or for calls out of the PBX a number. */
  readonly to?: readonly string[];
  /** Where it is handed over to. */
  readonly then?: string;
  /** Who of a group answers; `none` for nobody. */
  readonly winner?: string;
  readonly line?: string;
  readonly answerAfter?: number;
  readonly talk?: number;
  readonly commandId?: string;
  readonly record?: RecordingPlan;
  readonly fields?: FieldMode;
}

/** The options with everything filled in that has a default. */
export interface Settled {
  readonly options: ScenarioOptions;
  readonly customer: string;
  readonly first: string;
  readonly second: string;
  readonly everybody: readonly string[];
  readonly winner: string | null;
  readonly answerAfter: number;
  readonly talk: number;
  readonly commandId: string;
}

export interface Playing {
  readonly call: Call;
  /** Resolves when the call is finished and everything has been sent. */
  readonly done: Promise<void>;
}

export interface Scenario {
  readonly name: string;
  /** Russian, for the web page. */
  readonly title: string;
  /** One sentence for the command line. */
  readonly sentence: string;
  play(switchboard: Switchboard, options?: ScenarioOptions): Playing;
}

interface Definition<C extends Call> {
  readonly name: string;
  readonly title: string;
  readonly sentence: string;
  readonly begin: (switchboard: Switchboard, settled: Settled) => C;
  readonly script: (call: C, settled: Settled) => Promise<void>;
  /** `out`: `from` is the operator and `to` the customer. */
  readonly direction?: 'in' | 'out';
}

export function scenario<C extends Call>(definition: Definition<C>): Scenario {
  const { name, title, sentence, begin, script, direction = 'in' } = definition;
  return {
    name,
    title,
    sentence,
    play(switchboard, options = {}) {
      const settled = settle(options, direction);
      const call = begin(switchboard, settled);
      return { call, done: playThrough(call, () => script(call, settled)) };
    },
  };
}

/** A script that was overtaken by somebody's hand stops; what is due at the end of a call is still sent. */
async function playThrough(call: Call, script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    if (error instanceof StepImpossible) return;
    if (!(error instanceof CallOver)) throw error;
  }
  await call.finish();
}

let commands = 0;

function settle(options: ScenarioOptions, direction: 'in' | 'out'): Settled {
  const { from, to = [], then = '102', winner, answerAfter = 3, talk = 8, commandId } = options;
  const outside = direction === 'in' ? from : to[0];
  const operators = direction === 'in' ? to : from === undefined ? [] : [from];
  const everybody = operators.length > 1 ? operators : ['101', '102', '0103'];
  commands += 1;
  return {
    options,
    customer: outside ?? '+79161234567',
    first: operators[0] ?? '101',
    second: then,
    everybody,
    winner: winner === 'none' ? null : (winner ?? everybody[0] ?? '101'),
    answerAfter,
    talk,
    commandId: commandId ?? `demo-command-${Date.now()}-${commands}`,
  };
}

/** The options that every kind of call shares. */
export function commonOf({ options }: Settled): Pick<ScenarioOptions, 'line' | 'record' | 'fields'> {
  const { line, record, fields } = options;
  return { ...(line ? { line } : {}), ...(record ? { record } : {}), ...(fields ? { fields } : {}) };
}
