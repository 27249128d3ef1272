import { callWorkflowId } from '../../workflows/messages.ts';
import { openCall, type DispatchCall } from '../../db/dispatch.ts';
import type { Claim } from '../../db/inbox.ts';
import type { Db } from '../../db/pool.ts';
import type { Delivery } from './deliveries.ts';
import type { OperatorDirectories, OperatorDirectory } from './operators.ts';
import { eventDelivery, isCaller, isEventRow, joined, readRow, refOf, startOf, type PreparedCall } from './prepare.ts';
import { isTranslated, parcelsOf, translateAll, type EventRow, type TranslatedRow } from './translation.ts';

interface NewCallDeps {
  readonly db: Db;
  readonly connection: unknown;
  readonly operators: OperatorDirectories;
}

/**
 * What `prepareDeliveries` does, without a transaction, for the most usual of all: events of a call that is known, which name no command and no number
 * that is new. Null if there is anything to write.
 */
export async function prepareKnown(operators: OperatorDirectories, claim: Claim, country: string): Promise<Delivery[] | null> {
  const { call, numbers } = claim;
  const events = claim.rows.map(readRow).filter(isEventRow);
  if (!call || call.mergedInto !== null || events.length < claim.rows.length) return null;
  if (events.some(({ event }) => event.type === 'leg' && event.commandId !== null)) return null;
  const directory = await operators.of(call.integrationId, claim.operatorsVersion, country);
  const translated = translateKnown(events, numbers, directory, country);
  if (!translated || lacksSomething(call, [...translated.values()])) return null;
  const workflowId = callWorkflowId(call.integrationId, call.entryId ?? '');
  const prepared: PreparedCall = { call, workflowId, bound: [], parcels: parcelsOf(translated) };
  return joined(events.map(({ row }) => eventDelivery(row, prepared)));
}

/** The same for the first events of a call that names no command: its row and numbers are one statement. Null if that does not do. */
export async function prepareNew(deps: NewCallDeps, claim: Claim, country: string): Promise<Delivery[] | null> {
  const events = claim.rows.map(readRow).filter(isEventRow);
  const [first] = events;
  if (claim.call || !first || events.length < claim.rows.length || first.row.integration_id === null) return null;
  if (events.some(({ event }) => event.type === 'leg' && event.commandId !== null)) return null;
  const directory = await deps.operators.of(first.row.integration_id, claim.operatorsVersion, country);
  const numbers = new Map<string, number>();
  const translated = translateAll(events, {
    country,
    operatorByExtension: (extension) => directory.byExtension(extension),
    operatorByDevice: (number) => directory.byDevice(number),
    refOf: (number) => refOf(numbers, number),
    commandOf: () => null,
  });
  const items = [...translated.values()].filter(isTranslated);
  const caller = items.find((item) => item.customerNumber !== null && isCaller(item.message));
  // Whose number it is when the caller's is not told takes a look at what came before.
  if (!caller && items.some((item) => item.customerNumber !== null)) return null;
  const workflowId = callWorkflowId(first.row.integration_id, first.row.entry);
  const call = await openCall(deps.db, deps.connection, {
    integrationId: first.row.integration_id,
    entryId: first.row.entry,
    workflowId,
    startedAt: startOf(events),
    phone: caller?.customerNumber ?? null,
    line: items.find((item) => item.line !== null)?.line ?? null,
    numbers: [...numbers.keys()],
  });
  if (!call) return null;
  const prepared: PreparedCall = { call, workflowId, bound: [], parcels: parcelsOf(translated) };
  return joined(events.map(({ row }) => eventDelivery(row, prepared)));
}

function translateKnown(
  events: readonly EventRow[],
  numbers: ReadonlyMap<string, number>,
  directory: OperatorDirectory,
  country: string,
): Map<string, TranslatedRow> | null {
  let isNew = false;
  const refOfKnown = (number: string): number => {
    const ref = numbers.get(number);
    if (ref === undefined) isNew = true;
    return ref ?? 0;
  };
  const translated = translateAll(events, {
    country,
    operatorByExtension: (extension) => directory.byExtension(extension),
    operatorByDevice: (number) => directory.byDevice(number),
    refOf: refOfKnown,
    commandOf: () => null,
  });
  return isNew ? null : translated;
}

const lacksSomething = (call: DispatchCall, items: readonly TranslatedRow[]): boolean =>
  items
    .filter(isTranslated)
    .some((item) => (call.phone === null && item.customerNumber !== null) || (call.line === null && item.line !== null));
