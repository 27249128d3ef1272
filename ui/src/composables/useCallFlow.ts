import { computed, onScopeDispose, watch } from 'vue';
import { router, to } from '../router.ts';
import type { LiveCall } from '../contract.ts';
import { activeCalls, onTransition } from '../live/calls.ts';
import { notify } from '../live/notifications.ts';
import { startRing, stopRing } from '../live/ring.ts';
import { isLeadingTab } from '../live/tabs.ts';
import { hasUnsavedText } from '../live/unsaved.ts';
import { preferences } from '../preferences.ts';
import { on } from '../live/stream.ts';
import { callTitle, callerText } from './call-text.ts';
import { dismissCallbackFailed, tellCallbackFailed } from './callback-notice.ts';

/** A call from a ticket has its place already; every other talk still needs one. */
export const needsTicket = (call: LiveCall): boolean => !call.ticketId && !call.commandId;

/** What happens by itself when calls ring and are answered. */
export function useCallFlow(): void {
  const notifications = new Map<string, () => void>();

  function whenRinging(call: LiveCall): void {
    if (preferences.notifications) notifications.set(call.callId, notify(call.callId, callTitle(call), callerText(call)));
  }
  function whenAnswered(call: LiveCall): void {
    if (!needsTicket(call) || !call.customer || !isLeadingTab()) return;
    // Never over text that is being typed: then the card offers the link.
    if (!hasUnsavedText()) void router.push(to('customer', { customerId: call.customer.id }));
  }

  // The agent may have left the ticket from which the call was ordered.
  onScopeDispose(on('callback.failed', tellCallbackFailed));

  const stop = onTransition((call) => {
    notifications.get(call.callId)?.();
    notifications.delete(call.callId);
    if (call.state === 'ringing') whenRinging(call);
    if (call.state === 'dialling') dismissCallbackFailed();
    if (call.state === 'talking') whenAnswered(call);
  });
  onScopeDispose(stop);

  const rings = computed(
    () => preferences.ringSound && activeCalls.value.some((call) => call.state === 'ringing' && call.direction === 'incoming'),
  );
  watch(rings, (on) => (on && isLeadingTab() ? startRing() : stopRing()), { immediate: true });
  onScopeDispose(stopRing);
}
