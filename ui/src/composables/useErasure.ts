import { onScopeDispose, shallowRef } from 'vue';
import { client, Problem } from '../client.ts';
import type { Erasure } from '../contract.ts';

const LOOK_AGAIN_MS = 1000;

/** An erasure that is under way, looked at until it is done. */
export function useErasure() {
  const erasure = shallowRef<Erasure | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let left = false;

  const lookLater = (id: string): void => void (timer = setTimeout(() => void look(id), LOOK_AGAIN_MS));
  function follow(next: Erasure): void {
    if (left) return;
    clearTimeout(timer);
    erasure.value = next;
    if (next.state !== 'done') lookLater(next.id);
  }
  async function look(id: string): Promise<void> {
    try {
      follow(await client.privacy.erasure(id));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!left && error.isPassing) lookLater(id);
    }
  }
  onScopeDispose(() => {
    left = true;
    clearTimeout(timer);
  });
  return { erasure, follow };
}
