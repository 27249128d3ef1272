import { computed, ref, shallowReactive } from 'vue';
import { client } from '../client.ts';
import type { LiveCall, CallState } from '../contract.ts';
import { on, onResume } from './stream.ts';

const AGAIN_AFTER_MS = 3000;

type Transition = (call: LiveCall, before: CallState | null) => void;

const calls = shallowReactive(new Map<string, LiveCall>());
/** False until my calls have been read for the first time. */
export const callsLoaded = ref(false);
const transitions = new Set<Transition>();
/** Grows with every event, so that a list asked for before an event does not undo it. */
let eventCount = 0;
const changedBy = new Map<string, number>();

/** My calls that are ringing, being dialled or going on, oldest first. */
export const activeCalls = computed(() =>
  [...calls.values()].filter((call) => call.state !== 'ended').sort((a, b) => a.startedAt.localeCompare(b.startedAt)),
);

/** One of my calls, also for a while after its end. */
export const callOf = (callId: string): LiveCall | undefined => calls.get(callId);

/** Whether a call is over by now, whatever the screen still shows of it. */
export const hasEnded = (call: LiveCall): boolean => (callOf(call.callId) ?? call).state === 'ended';

/** The talk in which an agent may still decide what becomes of it. */
export const talkingCalls = computed(() => activeCalls.value.filter((call) => call.state === 'talking'));

/** Told of every change of a call's state that happens while this page is open. */
export function onTransition(listener: Transition): () => void {
  transitions.add(listener);
  return () => void transitions.delete(listener);
}

function put(call: LiveCall, silent = false): void {
  const before = calls.get(call.callId)?.state ?? null;
  calls.set(call.callId, call);
  if (!silent && before !== call.state) for (const listener of transitions) listener(call, before);
}

function fromEvent(call: LiveCall, silent = false): void {
  changedBy.set(call.callId, ++eventCount);
  put(call, silent);
}

/** Reads my calls anew. `silent` on the first load: a talk that was going on before the page was opened opens nothing. */
export async function refreshCalls(silent = false): Promise<void> {
  const asked = eventCount;
  const { items } = await client.calls.active();
  const isNewer = (callId: string): boolean => (changedBy.get(callId) ?? 0) > asked;
  for (const item of items) if (!isNewer(item.callId)) put(item, silent || !callsLoaded.value);
  const listed = new Set(items.map((item) => item.callId));
  for (const call of activeCalls.value) {
    if (!listed.has(call.callId) && !isNewer(call.callId)) put({ ...call, state: 'ended' });
  }
  callsLoaded.value = true;
}

export function followCalls(): void {
  on('call.ringing', fromEvent);
  on('call.dialling', fromEvent);
  on('call.answered', fromEvent);
  // Of a talk that this page has not seen begin, it is no news that it goes on.
  on('call.updated', (call) => fromEvent(call, !calls.has(call.callId)));
  on('call.ended', (call) => fromEvent({ ...call, state: 'ended' }));
  // A card shows the customer as they are by now.
  on('customer.changed', ({ customerId }) => {
    if (activeCalls.value.some(({ customer }) => customer?.id === customerId)) readAgain();
  });
  onResume(readAgain);
}

let againTimer: ReturnType<typeof setTimeout> | undefined;
/** What was missed; until it is known, the cards may say what is over. */
function readAgain(): void {
  clearTimeout(againTimer);
  refreshCalls().catch(() => (againTimer = setTimeout(readAgain, AGAIN_AFTER_MS)));
}

export function forgetCalls(): void {
  clearTimeout(againTimer);
  calls.clear();
  changedBy.clear();
  callsLoaded.value = false;
}
