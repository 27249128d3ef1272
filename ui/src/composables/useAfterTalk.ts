import { computed, onScopeDispose, ref, watch, type Ref } from 'vue';
import { useRouter } from 'vue-router';
import type { LiveCall } from '../contract.ts';
import { flushDraft } from '../live/drafts.ts';
import { ticketOfEnded } from '../live/ticket-of-call.ts';
import { to } from '../router.ts';

interface Options {
  readonly call: () => LiveCall;
  readonly conversationId: string;
  /** Where the text is typed. */
  readonly form: Readonly<Ref<HTMLElement | null>>;
  /** The agent is saving it: nobody is led away then. */
  readonly busy: Readonly<Ref<boolean>>;
}

/** A call that ends before its text was saved: leads to the ticket that is made, with the text at hand and the cursor where it was. */
export function useAfterTalk({ call, conversationId, form, busy }: Options) {
  const router = useRouter();
  const ended = computed(() => call().state === 'ended');
  const searching = ref(false);
  let left = false;
  onScopeDispose(() => (left = true));

  async function open(ticketId: string): Promise<void> {
    const typing = form.value?.contains(document.activeElement) ? document.activeElement : null;
    const at = typing instanceof HTMLTextAreaElement || typing instanceof HTMLInputElement ? typing.selectionEnd : null;
    const field = typing instanceof HTMLInputElement ? 'subject' : 'gist';
    const query = ended.value ? { edit: conversationId, ...(at === null ? {} : { field, at: String(at) }) } : {};
    await router.replace(to('ticket', { ticketId }, query));
  }

  watch(
    ended,
    async (over) => {
      if (!over) return;
      searching.value = true;
      await flushDraft(conversationId);
      const ticketId = await ticketOfEnded(call(), conversationId, () => left || busy.value);
      searching.value = false;
      if (ticketId && !left) await open(ticketId);
    },
    { immediate: true },
  );
  return { ended, searching, open };
}
