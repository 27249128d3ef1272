import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { CallMessage, CommandRef } from '../domain/messages.ts';
import type { CallLimits } from '../domain/call.ts';
import type { CallState } from '../domain/decisions.ts';
import type { SearchKeys } from '../domain/search-keys.ts';

export interface CallInput {
  /** `calls.id`. */
  readonly callId: string;
  /** Waits and limits, so that tests may pass milliseconds. */
  readonly limits: CallLimits;
  /** What the run was started with in Temporal's search attributes. */
  readonly searchKeys?: SearchKeys;
  /** State carried over by continue-as-new. */
  readonly carried?: CallState;
  /** Inbox ids of the messages heard by the runs before this one. */
  readonly heard?: readonly number[];
  /** The call is over; its state waits in Postgres, and a late recording or an agent's action has come for it. */
  readonly late?: boolean;
}

export interface CallbackInput {
  readonly callId: string;
  readonly commandId: string;
  /** How long the PBX may take to ring the agent before the callback counts as failed. */
  readonly firstRingMs: number;
  /** `PATIENCE` for the command itself: 429 is tried again this long (spec, Webhooks). */
  readonly commandPatienceMs: number;
}

/** Waits and limits, so that tests may pass milliseconds. */
export interface ErasureInput {
  /** `erasures.id`: whose data it is stands in Postgres alone. */
  readonly erasureId: string;
  /** Between two looks at calls that still go on. */
  readonly pauseMs: number;
  readonly longestCallMs: number;
  /** How long something of a call may still arrive after its end. */
  readonly settleMs: number;
}

/**
 * Every signal carries a batch of messages. The name says what the first of them is, for people who read histories;
 * order comes from the messages' `inboxId` alone, as Temporal keeps none across signal names.
 */
export type CallSignalArgs = [
  messages: readonly CallMessage[],
  /** The print of what has been written of the call already, by whoever sends them (`ringingOf`). */
  shown?: string,
];

export const CALL_SIGNAL_NAMES = [
  'rang',
  'answered',
  'held',
  'transferred',
  'ended',
  'summarised',
  'recorded',
  'created',
  'linked',
  'moved',
  'drafted',
  'identified',
  'hungUp',
  'askedAgain',
  'received',
] as const;
export type CallSignalName = (typeof CALL_SIGNAL_NAMES)[number];

export const callSignals = Object.fromEntries(CALL_SIGNAL_NAMES.map((name) => [name, defineSignal<CallSignalArgs>(name)])) as {
  readonly [N in CallSignalName]: ReturnType<typeof defineSignal<CallSignalArgs>>;
};

/** The name under which a batch is signalled. */
export function signalNameOf(messages: readonly CallMessage[]): CallSignalName {
  const [first] = messages;
  if (!first || messages.length > 1) return 'received';
  switch (first.type) {
    case 'summary':
      return 'summarised';
    case 'recording':
      return 'recorded';
    case 'leg':
      if (first.transfer) return 'transferred';
      return ({ appeared: 'rang', connected: 'answered', held: 'held', disconnected: 'ended' } as const)[first.state];
    case 'action':
      return (
        {
          create_ticket: 'created',
          link_ticket: 'linked',
          move_call: 'moved',
          save_draft: 'drafted',
          identify_customer: 'identified',
          create_customer: 'identified',
          hang_up: 'hungUp',
          fetch_recording_again: 'askedAgain',
        } as const
      )[first.action];
  }
}

/** What a callback's workflow hears: the PBX's answer to the command, its first leg, the agent's «отменить». */
export type CallbackMessage =
  | { readonly type: 'result'; readonly code: number }
  | { readonly type: 'bound'; readonly callId: string }
  | { readonly type: 'cancel'; readonly actionId: string; readonly agentId: string };
export const callbackSignal = defineSignal<[message: CallbackMessage]>('callback');

/** The call's state in words, for admins. */
export const stateQuery = defineQuery<Record<string, unknown>>('state');

/** Ids are built from the business key, so starting twice is joining. */
export const callWorkflowId = (integrationId: string, entryId: string): string => `call:${integrationId.slice(0, 8)}:${entryId}`;
export const erasureWorkflowId = (erasureId: string): string => `erasure:${erasureId}`;
/** A call that is woken again after its end runs under a name of its own. */
export const lateWorkflowId = (workflowId: string): string => `${workflowId}:late`;
export const callbackWorkflowId = (commandId: string): string => `callback:${commandId}`;
export type { CommandRef };
