import type { Db } from '../db/pool.ts';
import { inTransaction } from '../db/pool.ts';
import type { Logger } from '../db/log.ts';
import {
  eventsOfEntries,
  insertReconciled,
  listReconciliations,
  statesOfEntries,
  storeReconciliation,
  storeReconciliationFailure,
  waitingCallbacks,
  type EntryState,
  type Reconciliation,
  type ReconciledRow,
  type WaitingCallback,
} from '../db/reconciliation.ts';
import type { PastCall } from '../domain/past-calls.ts';
import { missingEvents, type KnownEntry } from '../domain/reconcile.ts';
import type { CarrierEvent } from './telephony/mango/carrier-events.ts';
import { knownEntryOf, sentEvents } from './telephony/mango/reconciled-events.ts';
import { carrierEventOf } from './telephony/mango/webhooks.ts';
import { wordOf, type TelephonyPort } from './telephony/port.ts';

export interface ReconcileTiming {
  /** A call that ended so recently may still be on its way, in events and in statistics (these lag by one to two minutes). */
  readonly quietMs: number;
  /** How far a run looks back behind the last one: a call shows up when it ends, dated by its beginning. */
  readonly longestCallMs: number;
  /** How much is asked for at a time, and the furthest ever. */
  readonly stepMs: number;
  readonly horizonMs: number;
}

const HOUR_MS = 3_600_000;
export const RECONCILE_TIMING: ReconcileTiming = {
  quietMs: 3 * 60_000,
  longestCallMs: 4 * HOUR_MS,
  stepMs: 24 * HOUR_MS,
  horizonMs: 14 * 24 * HOUR_MS,
};

export interface ReconcileDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly telephony: { forIntegration(integrationId: string): TelephonyPort };
  readonly timing?: Partial<ReconcileTiming>;
  readonly now?: () => number;
}

export interface ReconcileResult {
  /** Events that were missing and are in the inbox now. */
  readonly eventsAdded: number;
  /** False if some account is further behind than one step, or could not be asked: to be called again soon. */
  readonly caughtUp: boolean;
}

export interface ReconcileSteps {
  /** Compares every account with its PBX's statistics, one step of time each. Done twice it adds nothing twice. */
  reconcileCalls(): Promise<ReconcileResult>;
}

/** Completes from the PBX's statistics what its events failed to tell; what is found goes the way of every event, marked. */
export function createReconcileSteps(deps: ReconcileDeps): ReconcileSteps {
  const { db, log } = deps;
  const timing = { ...RECONCILE_TIMING, ...deps.timing };
  const now = deps.now ?? Date.now;

  async function reconcileOne(account: Reconciliation): Promise<ReconcileResult> {
    const { integrationId } = account;
    const period = nextPeriod(account, timing, now());
    if (period.from >= period.to) return { eventsAdded: 0, caughtUp: true };
    const told = await deps.telephony.forIntegration(integrationId).fetchCalls(period.from, period.to);
    if (told.outcome !== 'accepted') {
      log.warn({ integrationId, outcome: told.outcome, code: wordOf(told) }, 'Statistics could not be read');
      await storeReconciliationFailure(db, integrationId, account.reconciledUntil ?? period.from, wordOf(told));
      return { eventsAdded: 0, caughtUp: true };
    }
    const { rows, doneUntil } = await missingRows(integrationId, told.value, period.to);
    const eventsAdded = await inTransaction(db, async (trx) => {
      const added = await insertReconciled(trx, integrationId, rows);
      await storeReconciliation(trx, integrationId, { until: doneUntil, callsSeen: told.value.length, eventsAdded: added });
      return added;
    });
    if (eventsAdded > 0)
      log.info({ integrationId, calls: told.value.length, eventsAdded }, 'Missing events were added from statistics');
    return { eventsAdded, caughtUp: period.isLast };
  }

  async function missingRows(
    integrationId: string,
    told: readonly PastCall[],
    until: Date,
  ): Promise<{ readonly rows: readonly ReconciledRow[]; readonly doneUntil: Date }> {
    const quiet = told.filter((call) => call.endedAt !== null && call.endedAt.getTime() <= now() - timing.quietMs);
    const entries = quiet.map((call) => call.entryId);
    const states = await statesOfEntries(db, integrationId, entries, timing.quietMs);
    const events = await eventsByEntry(integrationId, entries);
    const callbacks = await callbacksNear(integrationId, quiet);
    const isBusy = (call: PastCall): boolean => states.get(call.entryId)?.busy ?? false;
    const rows = quiet
      .filter((call) => !isBusy(call))
      .flatMap((call) => rowsOf(call, knownOf(states.get(call.entryId), events.get(call.entryId)), callbacks));
    // What could not be judged yet is looked at again, however long it takes.
    const starts = quiet.filter(isBusy).map((call) => call.startedAt.getTime());
    return { rows, doneUntil: new Date(Math.min(until.getTime(), ...starts)) };
  }

  async function eventsByEntry(integrationId: string, entries: readonly string[]): Promise<ReadonlyMap<string, CarrierEvent[]>> {
    const found = new Map<string, CarrierEvent[]>();
    for (const { entry, path, body } of await eventsOfEntries(db, integrationId, entries)) {
      const event = readable(path, body);
      if (event) found.set(entry, [...(found.get(entry) ?? []), event]);
    }
    return found;
  }

  /** Callbacks of ours that no event has named, to be recognised by who calls whom and when. */
  async function callbacksNear(integrationId: string, calls: readonly PastCall[]): Promise<WaitingCallback[]> {
    const starts = calls.filter((call) => call.direction === 'outgoing').map((call) => call.startedAt.getTime());
    if (starts.length === 0) return [];
    const [from, to] = [Math.min(...starts) - CALLBACK_NEAR_MS, Math.max(...starts) + CALLBACK_NEAR_MS];
    return waitingCallbacks(db, integrationId, new Date(from), new Date(to));
  }

  return {
    async reconcileCalls() {
      const results: ReconcileResult[] = [];
      for (const account of await listReconciliations(db)) results.push(await reconcileOne(account));
      return {
        eventsAdded: results.reduce((sum, result) => sum + result.eventsAdded, 0),
        caughtUp: results.every((result) => result.caughtUp),
      };
    },
  };
}

const CALLBACK_NEAR_MS = 2 * 60_000;

interface Period {
  readonly from: Date;
  readonly to: Date;
  readonly isLast: boolean;
}

export function nextPeriod(
  account: Pick<Reconciliation, 'connectedAt' | 'reconciledUntil'>,
  timing: ReconcileTiming,
  now: number,
): Period {
  const end = now - timing.quietMs;
  const since = (account.reconciledUntil?.getTime() ?? 0) - timing.longestCallMs;
  const from = Math.max(account.connectedAt.getTime(), since, end - timing.horizonMs);
  const to = Math.min(end, from + timing.stepMs);
  // The report is told in whole seconds.
  return { from: new Date(Math.floor(from / 1000) * 1000), to: new Date(to), isLast: to === end };
}

/** What cannot be read was of no use to the dispatcher either. */
function readable(path: string, body: unknown): CarrierEvent | undefined {
  try {
    return carrierEventOf(path, body);
  } catch {
    return undefined;
  }
}

function knownOf(state: EntryState | undefined, events: readonly CarrierEvent[] = []): KnownEntry | null {
  if (!state) return null;
  const known = knownEntryOf(events, state.over);
  return { ...known, recordingIds: [...known.recordingIds, ...state.recordingIds] };
}

function rowsOf(call: PastCall, known: KnownEntry | null, callbacks: readonly WaitingCallback[]): ReconciledRow[] {
  const commandId = known === null ? commandOf(call, callbacks) : null;
  return missingEvents(commandId === null ? call : { ...call, isCallback: true }, known)
    .flatMap((missing) => sentEvents(call, missing, commandId))
    .map(({ what, path, body }) => ({ key: `reconcile:${call.entryId}:${what}`, entry: call.entryId, path, body }));
}

const digits = (number: string | null): string => (number ?? '').replace(/\D/g, '');

function commandOf(call: PastCall, callbacks: readonly WaitingCallback[]): string | null {
  if (call.direction !== 'outgoing') return null;
  const distance = (callback: WaitingCallback): number => Math.abs(callback.startedAt.getTime() - call.startedAt.getTime());
  const [nearest] = callbacks
    .filter((callback) => digits(callback.phone) === digits(call.outsideNumber))
    .filter((callback) => call.legs.some((leg) => leg.extension !== null && callback.extensions.includes(leg.extension)))
    .filter((callback) => distance(callback) <= CALLBACK_NEAR_MS)
    .toSorted((a, b) => distance(a) - distance(b));
  return nearest?.commandId ?? null;
}
