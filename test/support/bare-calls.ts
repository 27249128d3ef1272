import { randomUUID } from 'node:crypto';
import type { RunningScene } from './running-scene.ts';
import { signedPost } from './pbx.ts';

type Path = '/mango/events/call' | '/mango/events/summary';
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly ms: number;
}

/** A call that one employee answers, as the PBX tells of it and no more; each event goes out once, as from a PBX that never repeats anything. */
export interface BareCall {
  readonly entry: string;
  readonly phone: string;
  rings(): Promise<Answer>;
  answers(): Promise<Answer>;
  ends(): Promise<Answer>;
  summary(): Promise<Answer>;
}

export function bareCall({ stack, pbx }: Pick<RunningScene, 'stack' | 'pbx'>, phone: string, extension: string): BareCall {
  const [entry_id, call_id, beganAt] = [randomUUID(), randomUUID(), Math.floor(Date.now() / 1000)];
  async function tell(path: Path, event: object): Promise<Answer> {
    const at = performance.now();
    const { status, headers } = await signedPost(stack.url, path, event, pbx.credentials);
    return { status, retryAfter: headers.get('retry-after'), ms: performance.now() - at };
  }
  const leg = (seq: number, call_state: string, more: object = {}) => ({
    ...{ entry_id, call_id, seq, call_state, timestamp: Math.floor(Date.now() / 1000), location: 'abonent' },
    ...{ from: { number: phone.slice(1) }, to: { extension, line_number: '74950000000' }, ...more },
  });
  return {
    ...{ entry: entry_id, phone },
    rings: () => tell('/mango/events/call', leg(1, 'Appeared')),
    answers: () => tell('/mango/events/call', leg(2, 'Connected')),
    ends: () => tell('/mango/events/call', leg(3, 'Disconnected', { disconnect_reason: 1110 })),
    summary: () =>
      tell('/mango/events/summary', {
        ...{ entry_id, call_direction: 1, from: { number: phone.slice(1) }, to: { extension }, line_number: '74950000000' },
        ...{ create_time: beganAt, forward_time: beganAt, talk_time: beganAt, end_time: Math.floor(Date.now() / 1000) },
        ...{ entry_result: 1, disconnect_reason: 1110 },
      }),
  };
}

/** Some at a time, in order; the results stand where their items stood. */
export async function inTurn<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

export const statusesOf = (answers: readonly Answer[]): number[] => [...new Set(answers.map(({ status }) => status))];
/** The time within which so large a part of them was answered. */
export function percentile(times: readonly number[], part: number): number {
  const inOrder = [...times].sort((a, b) => a - b);
  return inOrder[Math.max(0, Math.ceil(inOrder.length * part) - 1)] ?? Number.NaN;
}
