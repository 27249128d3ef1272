import { computed, shallowRef, watch } from 'vue';
import type { LiveCall } from '../contract.ts';
import { callOf, hasEnded } from '../live/calls.ts';
import { cursorOf } from '../live/cursors.ts';
import { knownDraft } from '../live/drafts.ts';

const isInHand = (conversationId: string): boolean =>
  Boolean(knownDraft(conversationId)?.gist.trim()) || cursorOf(conversationId) !== null;

/** The calls shown on a page, and those among them that ended with text or the cursor in their field, which has to find its place first. */
export function useUnfinished(shown: () => readonly LiveCall[]) {
  const kept = shallowRef<readonly LiveCall[]>([]);
  watch(shown, (now, before) => {
    const gone = before.filter(({ callId }) => !now.some((call) => call.callId === callId));
    const unfinished = gone
      .map(({ callId }) => callOf(callId))
      .filter((call) => call?.state === 'ended' && isInHand(call.conversationId ?? ''));
    kept.value = [...kept.value, ...(unfinished as LiveCall[])];
  });
  // The PBX may ring the same call again: then it is a call like any other.
  return computed(() => {
    const now = shown();
    return [...now, ...kept.value.filter((call) => hasEnded(call) && !now.some(({ callId }) => callId === call.callId))];
  });
}
