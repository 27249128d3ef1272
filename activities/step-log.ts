import type { Logger } from '../db/log.ts';

type Step = (...args: never[]) => Promise<unknown>;

const idsIn = (input: unknown): Readonly<Record<string, unknown>> => {
  if (typeof input === 'string') return { callId: input };
  const { callId, recordingRowId } = (input ?? {}) as { callId?: unknown; recordingRowId?: unknown };
  return { ...(callId === undefined ? {} : { callId }), ...(recordingRowId === undefined ? {} : { recordingRowId }) };
};

/** The tickets that decisions have led to. */
const ticketsIn = (result: unknown): readonly string[] =>
  Array.isArray(result)
    ? result.flatMap(({ ticketId }: { ticketId?: string }) => (ticketId === undefined ? [] : [ticketId]))
    : [];

/**
 * A line for each step that made a ticket or failed, with the call's id and the ticket's, so that one `grep` tells a call's story across
 * processes. Ids only: what was said and by whom stays in the database.
 */
export function logSteps<S extends object>(steps: S, log: Logger): S {
  const logged = Object.entries(steps as Record<string, Step>).map(([step, run]) => [
    step,
    async (...args: never[]) => {
      const startedAt = performance.now();
      try {
        const result = await run(...args);
        const tickets = ticketsIn(result);
        const level = tickets.length > 0 ? 'info' : 'debug';
        log[level]({ step, ...idsIn(args[0]), tickets, ms: Math.round(performance.now() - startedAt) }, 'Step done');
        return result;
      } catch (error) {
        log.warn({ step, ...idsIn(args[0]), err: error }, 'Step failed');
        throw error;
      }
    },
  ]);
  return Object.fromEntries(logged) as S;
}
