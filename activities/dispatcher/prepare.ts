import { z } from 'zod';
import type { ActionMessage, CallMessage, CommandRef } from '../../domain/messages.ts';
import {
  bindCall,
  completeCall,
  findCallByEntry,
  findCallOfAction,
  findCallsByCommand,
  hasHiddenCaller,
  insertCall,
  insertNumbers,
  mergeCall,
  numbersOf,
  operatorsOf,
  type DispatchCall,
} from '../../db/dispatch.ts';
import { isErased } from '../../db/erasures.ts';
import { makeDurable, type InboxRow, type Settled } from '../../db/inbox.ts';
import type { Transaction } from '../../db/pool.ts';
import { storeRedacted } from '../../db/retention.ts';
import { withoutNumbers } from '../../domain/redaction.ts';
import { callWorkflowId } from '../../workflows/messages.ts';
import type { CarrierEvent, CarrierResult } from '../telephony/mango/carrier-events.ts';
import type { Lookups } from '../telephony/mango/translate.ts';
import { carrierEventOf } from '../telephony/mango/webhooks.ts';
import type { CallDelivery, Delivery } from './deliveries.ts';
import { createOperatorDirectory, type OperatorDirectory } from './operators.ts';
import { refuseAction } from './refuse-action.ts';
import {
  arrivalOf,
  describe,
  isTranslated,
  parcelsOf,
  settledAs,
  translateAll,
  type EventRow,
  type Parcels,
  type TranslatedRow,
} from './translation.ts';

const text = z.string().nullable().default(null);
const actionBody = z.object({
  actionId: z.string(),
  agentId: z.string(),
  action: z.enum([
    'create_ticket',
    'link_ticket',
    'move_call',
    'save_draft',
    'identify_customer',
    'create_customer',
    'hang_up',
    'fetch_recording_again',
  ]),
  conversationId: text,
  ticketId: text,
  customerId: text,
  recordingId: text,
  hasText: z.boolean().default(false),
});

/** A row that can never be delivered; the others of its entry go on. */
class UntranslatableRow extends Error {
  override readonly name = 'UntranslatableRow';
}

/**
 * Turns one entry's rows into deliveries, in their order, and writes what the messages refer to: the call's row, its numbers, the
 * binding of a callback to its entry. All in the caller's transaction, so that Temporal never hears of a call Postgres does not know.
 */
export async function prepareDeliveries(trx: Transaction, rows: readonly InboxRow[], country: string): Promise<Delivery[]> {
  const read = rows.map(readRow);
  const events = read.filter(isEventRow);
  const call = events.length > 0 ? await prepareCall(trx, events, country) : undefined;
  const deliveries: Delivery[] = [];
  for (const item of read) deliveries.push(await deliveryOf(trx, item, call));
  return joined(deliveries);
}

export const isEventRow = (item: ReadRow): item is EventRow => 'event' in item && item.event.type !== 'result';

export type ReadRow =
  | EventRow
  | { readonly row: InboxRow; readonly event: CarrierResult }
  | { readonly row: InboxRow; readonly action: z.infer<typeof actionBody> }
  | { readonly row: InboxRow; readonly callback: string }
  | { readonly row: InboxRow; readonly erasure: string }
  | { readonly row: InboxRow; readonly error: string };

export function readRow(row: InboxRow): ReadRow {
  try {
    switch (row.source) {
      case 'agent':
        return { row, action: actionBody.parse(row.body) };
      case 'system':
        return systemRow(row);
      case 'pbx':
      case 'reconcile':
        return { row, event: eventOf(row) } as EventRow;
    }
  } catch (error) {
    return { row, error: describe(error) };
  }
}

function eventOf(row: InboxRow): CarrierEvent {
  const event = carrierEventOf(row.path ?? '', row.body);
  if (!event) throw new UntranslatableRow(`No event is known under the path ${row.path}`);
  return event;
}

function systemRow(row: InboxRow): ReadRow {
  const [, subject, id] = /^(callback|erasure):(.+)$/u.exec(row.key) ?? [];
  if (id === undefined) throw new UntranslatableRow('The key of a system row must be callback:<commandId> or erasure:<id>');
  return subject === 'erasure' ? { row, erasure: id } : { row, callback: id };
}

export interface PreparedCall {
  readonly call: DispatchCall;
  readonly workflowId: string;
  readonly bound: CallDelivery['bound'];
  readonly parcels: Parcels;
}

async function prepareCall(trx: Transaction, events: readonly EventRow[], country: string): Promise<PreparedCall> {
  const [{ row }] = events as [EventRow, ...EventRow[]];
  const integrationId = row.integration_id;
  if (integrationId === null) throw new Error(`Inbox row ${row.id} of the PBX names no integration`);
  const workflowId = callWorkflowId(integrationId, row.entry);
  const commands = await commandsOf(trx, integrationId, events);
  const known = await findCallByEntry(trx, integrationId, row.entry);
  const call = await callOf(trx, { integrationId, entryId: row.entry, workflowId, startedAt: startOf(events) }, known, commands);
  if (known?.over && (await isErased(trx, call.id))) return ofNobody(trx, events, call, workflowId);
  const numbers = await numbersOf(trx, call.id);
  const before = numbers.size;
  const directory = createOperatorDirectory(await operatorsOf(trx, integrationId), country);
  const translated = translateAll(events, {
    ...lookupsOf(directory, country, (number) => refOf(numbers, number)),
    commandOf: (commandId) => oursOf(commands.get(commandId)),
  });
  await insertNumbers(trx, call.id, [...numbers].slice(before));
  const completed = await complete(trx, call, row.entry, [...translated.values()]);
  if (call !== known || numbers.size > before || completed) await makeDurable(trx);
  return { call, workflowId, bound: unboundYet(commands, events, call), parcels: parcelsOf(translated) };
}

/** The customer has been erased: what comes of their calls now is kept without a number and told to nobody. */
async function ofNobody(
  trx: Transaction,
  events: readonly EventRow[],
  call: DispatchCall,
  workflowId: string,
): Promise<PreparedCall> {
  await storeRedacted(
    trx,
    events.map(({ row }) => ({ id: row.id, body: withoutNumbers(row.body, () => 'erased') })),
  );
  const parcels = new Map(events.map(({ row }) => [row.id, settledAs(row, 'ignored', 'customer_erased')]));
  return { call, workflowId, bound: [], parcels };
}

async function commandsOf(
  trx: Transaction,
  integrationId: string,
  events: readonly EventRow[],
): Promise<Map<string, DispatchCall>> {
  const ids = events.flatMap(({ event }) => (event.type === 'leg' && event.commandId !== null ? [event.commandId] : []));
  const calls = await findCallsByCommand(trx, [...new Set(ids)]);
  return new Map(calls.filter((call) => call.integrationId === integrationId).map((call) => [call.commandId ?? '', call]));
}

/** The entry's row: known, or the callback's that it turns out to be, or a new one. */
async function callOf(
  trx: Transaction,
  entry: { integrationId: string; entryId: string; workflowId: string; startedAt: Date },
  known: DispatchCall | undefined,
  commands: ReadonlyMap<string, DispatchCall>,
): Promise<DispatchCall> {
  const waiting = [...commands.values()].filter((call) => call.entryId === null && call.mergedInto === null);
  let call = known;
  for (const callback of waiting) {
    if (call) await mergeCall(trx, callback, call.id);
    else if (await bindCall(trx, callback.id, entry.entryId, entry.workflowId)) {
      call = { ...callback, entryId: entry.entryId, over: false };
    }
  }
  return call ?? (await insertCall(trx, entry));
}

export function startOf(events: readonly EventRow[]): Date {
  const times = events.flatMap(({ event }) => {
    const at = event.type === 'leg' ? event.at : event.type === 'summary' ? event.startedAt : null;
    return at === null ? [] : [at];
  });
  const [first] = events;
  return times.length > 0 ? new Date(Math.min(...times)) : (first?.row.received_at ?? new Date());
}

/** Of an account's operators, and of events that name no command of ours. */
export function lookupsOf(directory: OperatorDirectory, country: string, refOfNumber: (number: string) => number): Lookups {
  return {
    country,
    operatorByExtension: (extension) => directory.byExtension(extension),
    operatorByDevice: (number) => directory.byDevice(number),
    refOf: refOfNumber,
    commandOf: () => null,
  };
}

export function refOf(numbers: Map<string, number>, number: string): number {
  const known = numbers.get(number);
  if (known !== undefined) return known;
  const ref = Math.max(-1, ...numbers.values()) + 1;
  numbers.set(number, ref);
  return ref;
}

function oursOf(callback: DispatchCall | undefined): CommandRef['ours'] {
  if (!callback || callback.orderedBy === null || callback.ticketId === null) return null;
  return { agentId: callback.orderedBy, ticketId: callback.ticketId };
}

function unboundYet(
  commands: ReadonlyMap<string, DispatchCall>,
  events: readonly EventRow[],
  call: DispatchCall,
): CallDelivery['bound'] {
  if (!events.some(({ event }) => event.type === 'leg')) return [];
  return [...commands.values()]
    .filter((callback) => callback.commandState !== 'bound')
    .map((callback) => ({ commandId: callback.commandId ?? '', callId: call.id }));
}

/** The first number heard of is the customer's, and stays; a number called by an employee is not if a hidden caller began the entry. */
async function complete(trx: Transaction, call: DispatchCall, entry: string, items: readonly TranslatedRow[]): Promise<boolean> {
  const { caller, first, line } = toldBy(items);
  const mayUseCalled = caller === null && first !== null && call.phone === null;
  const usesCalled = mayUseCalled && !(await hasHiddenCaller(trx, call.integrationId, entry));
  const phone = caller ?? (usesCalled ? first : null);
  const isMore = (call.phone === null && phone !== null) || (call.line === null && line !== null);
  if (isMore) await completeCall(trx, call.id, { phone, line });
  return isMore;
}

/** What events tell of their call: the caller's number, the first number of anybody outside, and the line. */
export function toldBy(items: readonly TranslatedRow[]) {
  const translated = items.filter(isTranslated);
  const numbered = translated.filter((item) => item.customerNumber !== null);
  return {
    caller: numbered.find((item) => isCaller(item.message))?.customerNumber ?? null,
    first: numbered[0]?.customerNumber ?? null,
    line: translated.find((item) => item.line !== null)?.line ?? null,
  };
}

const isCaller = (message: CallMessage): boolean =>
  (message.type === 'leg' || message.type === 'summary') && message.from.kind === 'outside';

async function deliveryOf(trx: Transaction, item: ReadRow, prepared: PreparedCall | undefined): Promise<Delivery> {
  if ('error' in item) return none({ ...settledAs(item.row, 'failed', 'untranslatable'), error: item.error });
  if ('action' in item) return actionDelivery(trx, item.row, item.action);
  if ('callback' in item) return callbackStart(trx, item.row, item.callback);
  if ('erasure' in item) return { kind: 'start_erasure', rowId: item.row.id, erasureId: item.erasure };
  if (item.event.type === 'result') return resultDelivery(trx, item.row, item.event);
  return eventDelivery(item.row, prepared);
}

export function eventDelivery(row: InboxRow, prepared: PreparedCall | undefined): Delivery {
  const parcel = prepared?.parcels.get(row.id);
  if (!prepared || !parcel) throw new Error(`Inbox row ${row.id} was not translated`);
  if ('verdict' in parcel) return none(parcel);
  return {
    kind: 'call',
    callId: prepared.call.id,
    workflowId: prepared.workflowId,
    over: prepared.call.over,
    parcels: [parcel],
    bound: prepared.bound,
  };
}

async function actionDelivery(trx: Transaction, row: InboxRow, body: z.infer<typeof actionBody>): Promise<Delivery> {
  const call = await findCallOfAction(trx, body.agentId, body.actionId);
  if (!call) return none({ ...settledAs(row, 'failed', 'untranslatable'), error: 'The action is not in the table of actions' });
  const message: ActionMessage = { type: 'action', ...arrivalOf(row), ...body };
  if (call.entryId !== null) {
    const workflowId = callWorkflowId(call.integrationId, call.entryId);
    return {
      kind: 'call',
      callId: call.id,
      workflowId,
      over: call.over,
      parcels: [{ rowId: row.id, message, why: null }],
      bound: [],
    };
  }
  if (call.commandId === null)
    return none({ ...settledAs(row, 'failed', 'untranslatable'), error: 'The call has neither entry nor command' });
  if (body.action !== 'hang_up') {
    await refuseAction(trx, call.id, body, 'call_not_begun');
    return none(settledAs(row, 'ignored', 'call_not_begun'));
  }
  const cancel = { type: 'cancel', actionId: body.actionId, agentId: body.agentId } as const;
  return { kind: 'callback', callId: call.id, commandId: call.commandId, parcel: { rowId: row.id, message: cancel, why: null } };
}

async function callbackStart(trx: Transaction, row: InboxRow, commandId: string): Promise<Delivery> {
  const [call] = await findCallsByCommand(trx, [commandId]);
  if (!call) return none({ ...settledAs(row, 'failed', 'untranslatable'), error: 'No call has this command' });
  return { kind: 'start_callback', rowId: row.id, callId: call.id, commandId };
}

async function resultDelivery(trx: Transaction, row: InboxRow, event: CarrierResult): Promise<Delivery> {
  const [call] = await findCallsByCommand(trx, [event.commandId]);
  if (!call || call.integrationId !== row.integration_id) return none(settledAs(row, 'ignored', 'foreign_command'));
  const message = { type: 'result', code: event.code } as const;
  return { kind: 'callback', callId: call.id, commandId: event.commandId, parcel: { rowId: row.id, message, why: null } };
}

const none = (settled: Settled): Delivery => ({ kind: 'none', settled });

/** Neighbours for one call travel in one signal. */
export function joined(deliveries: readonly Delivery[]): Delivery[] {
  return deliveries.reduce<Delivery[]>((all, next) => {
    const last = all.at(-1);
    if (last?.kind === 'call' && next.kind === 'call' && last.callId === next.callId) {
      all[all.length - 1] = {
        ...last,
        parcels: [...last.parcels, ...next.parcels],
        bound: last.bound.length > 0 ? last.bound : next.bound,
      };
    } else {
      all.push(next);
    }
    return all;
  }, []);
}
