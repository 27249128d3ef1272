import { computed, onScopeDispose, ref, watch, type Ref } from 'vue';
import { useRouter } from 'vue-router';
import type { LiveCall } from '../contract.ts';
import { hasEnded } from '../live/calls.ts';
import { cursorIn, useCursor } from '../live/cursors.ts';
import { flushDraft } from '../live/drafts.ts';
import { ticketOfEnded } from '../live/ticket-of-call.ts';
import { to } from '../router.ts';
import { showAhead } from './useTicket.ts';

interface Options {
  readonly call: () => LiveCall;
  readonly conversationId: string;
  /** Where the text is typed. */
  readonly form: Readonly<Ref<HTMLElement | null>>;
  /** The agent is saving it: nobody is led away then. */
  readonly busy: Readonly<Ref<boolean>>;
}

/**
 * A call that ends before its text was saved: leads to the ticket that is made, with the text at hand and the cursor where it is.
 * The form stays until that ticket can be shown whole, so that no key is pressed where there is no field.
 */
export function useAfterTalk({ call, conversationId, form, busy }: Options) {
  const router = useRouter();
  const ended = computed(() => hasEnded(call()));
  const searching = ref(false);
  let left = false;
  onScopeDispose(() => (left = true));
  useCursor(conversationId, () => (ended.value && !busy.value ? cursorIn(form.value) : null));

  watch(
    ended,
    async (over) => {
      if (!over) return;
      searching.value = true;
      await flushDraft(conversationId);
      const ticket = await ticketOfEnded(call(), conversationId, () => left || busy.value);
      searching.value = false;
      if (!ticket || left || busy.value) return;
      await showAhead(ticket, () => router.replace(to('ticket', { ticketId: ticket.id })));
    },
    { immediate: true },
  );
  return { ended, searching };
}
