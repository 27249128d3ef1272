import { ref, shallowRef } from 'vue';
import { Problem, type ActionBody } from '../client.ts';
import { act, type Outcome } from '../live/actions.ts';
import { newId } from '../new-id.ts';

/**
 * One button's action on a call: busy until it has taken effect. What failed for want of an answer is repeated under the same id,
 * so that it happens once; what was refused begins anew.
 */
export function useCallAction() {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  let pending: { readonly key: string; readonly id: string } | null = null;

  async function run(callId: string, action: ActionBody): Promise<Outcome | null> {
    if (busy.value) return null;
    const key = JSON.stringify([callId, action]);
    if (pending?.key !== key) pending = { key, id: newId() };
    busy.value = true;
    problem.value = null;
    try {
      const outcome = await act(callId, pending.id, action);
      pending = null;
      return outcome;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.value = error;
      if (error.status >= 400 && error.status < 500) pending = null;
      return null;
    } finally {
      busy.value = false;
    }
  }
  return { busy, problem, run };
}
