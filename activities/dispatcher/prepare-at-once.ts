import { callWorkflowId } from '../../workflows/messages.ts';
import { openCall, type DispatchCall } from '../../db/dispatch.ts';
import type { Claim } from '../../db/inbox.ts';
import type { Db } from '../../db/pool.ts';
import type { Lookups } from '../telephony/mango/translate.ts';
import type { Delivery } from './deliveries.ts';
import type { OperatorDirectories } from './operators.ts';
import { eventDelivery, isEventRow, joined, lookupsOf, readRow, refOf, startOf, toldBy } from './prepare.ts';
import { parcelsOf, translateAll, type EventRow, type TranslatedRow } from './translation.ts';

export interface AtOnceDeps {
  readonly db: Db;
  readonly connection: unknown;
  readonly operators: OperatorDirectories;
}

/** Events of one call, and how they are translated once their numbers have names. */
interface Told {
  readonly events: readonly [EventRow, ...EventRow[]];
  readonly integrationId: string;
  readonly workflowId: string;
  translate(refOfNumber: Lookups['refOf']): Map<string, TranslatedRow>;
}

interface Prepared {
  readonly call: DispatchCall;
  readonly translated: Map<string, TranslatedRow>;
}

/**
 * What `prepareDeliveries` does, without a transaction, for the most usual of all: events that name no command, of a call of which they
 * tell no number that is new, or of one that is new itself. Null if there is more to write.
 */
export async function prepareAtOnce(deps: AtOnceDeps, claim: Claim, country: string): Promise<Delivery[] | null> {
  const events = claim.rows.map(readRow).filter(isEventRow);
  const [first, ...others] = events;
  if (!first || events.length < claim.rows.length || first.row.integration_id === null) return null;
  if (events.some(({ event }) => event.type === 'leg' && event.commandId !== null)) return null;
  const integrationId = first.row.integration_id;
  const directory = await deps.operators.of(integrationId, claim.operatorsVersion, country);
  const told: Told = {
    events: [first, ...others],
    integrationId,
    workflowId: callWorkflowId(integrationId, first.row.entry),
    translate: (refOfNumber) => translateAll(events, lookupsOf(directory, country, refOfNumber)),
  };
  const prepared = claim.call ? prepareKnown(claim.call, claim.numbers, told) : await prepareNew(deps, told);
  if (!prepared) return null;
  const { call, translated } = prepared;
  const parcels = parcelsOf(translated);
  return joined(events.map(({ row }) => eventDelivery(row, { call, workflowId: told.workflowId, bound: [], parcels })));
}

function prepareKnown(call: DispatchCall, numbers: ReadonlyMap<string, number>, { translate }: Told): Prepared | null {
  if (call.mergedInto !== null) return null;
  let isNew = false;
  const translated = translate((number) => {
    const ref = numbers.get(number);
    if (ref === undefined) isNew = true;
    return ref ?? 0;
  });
  const { first, line } = toldBy([...translated.values()]);
  const lacksSomething = (call.phone === null && first !== null) || (call.line === null && line !== null);
  return isNew || lacksSomething ? null : { call, translated };
}

/** Its row and its numbers are one statement. */
async function prepareNew(deps: AtOnceDeps, { events, integrationId, workflowId, translate }: Told): Promise<Prepared | null> {
  const numbers = new Map<string, number>();
  const translated = translate((number) => refOf(numbers, number));
  const { caller, first, line } = toldBy([...translated.values()]);
  // Whose number it is when the caller's is not told takes a look at what came before.
  if (caller === null && first !== null) return null;
  const call = await openCall(deps.db, deps.connection, {
    integrationId,
    entryId: events[0].row.entry,
    workflowId,
    startedAt: startOf(events),
    phone: caller,
    line,
    numbers: [...numbers.keys()],
  });
  return call ? { call, translated } : null;
}
