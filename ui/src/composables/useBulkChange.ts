import { ref, shallowRef } from 'vue';
import { client, Problem } from '../client.ts';
import type { TicketChange } from '../contract.ts';

const asProblem = (reason: unknown): Problem => {
  if (reason instanceof Problem) return reason;
  throw reason;
};

/** One change to several tickets. What failed is named, so that it can be tried again; what went through is not done twice. */
export function useBulkChange() {
  const busy = ref<readonly string[]>([]);
  const problem = shallowRef<Problem | null>(null);
  /** The tickets that could not be changed. */
  async function change(ids: readonly string[], body: TicketChange): Promise<readonly string[]> {
    const mine = ids.filter((id) => !busy.value.includes(id));
    busy.value = [...busy.value, ...mine];
    problem.value = null;
    const results = await Promise.allSettled(mine.map((id) => client.tickets.change(id, body)));
    busy.value = busy.value.filter((id) => !mine.includes(id));
    const failed = results.flatMap((result, at) => (result.status === 'rejected' ? [{ id: mine[at]!, result }] : []));
    if (failed[0]) problem.value = asProblem(failed[0].result.reason);
    return failed.map(({ id }) => id);
  }
  return { busy, problem, change };
}
