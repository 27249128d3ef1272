import { z } from 'zod';
import type { CallMessage } from '../../domain/messages.ts';
import type { InboxRow, Settled } from '../../db/inbox.ts';
import type { CarrierEvent, CarrierResult } from '../telephony/mango/carrier-events.ts';
import {
  translateLeg,
  translateRecording,
  translateSummary,
  type Arrival,
  type Lookups,
  type Translated,
} from '../telephony/mango/translate.ts';
import type { Parcel } from './deliveries.ts';

export type CallEvent = Exclude<CarrierEvent, CarrierResult>;
/** A row that tells of a call. */
export interface EventRow {
  readonly row: InboxRow;
  readonly event: CallEvent;
}

export type TranslatedRow = Translated<CallMessage> | { readonly settled: Settled };

export function translateAll(events: readonly EventRow[], lookups: Lookups): Map<string, TranslatedRow> {
  return new Map(events.map(({ row, event }) => [row.id, translateRow(row, event, lookups)]));
}

function translateRow(row: InboxRow, event: CallEvent, lookups: Lookups): TranslatedRow {
  try {
    return translate(event, arrivalOf(row), lookups) ?? { settled: settledAs(row, 'ignored', 'unknown_state') };
  } catch (error) {
    return { settled: { ...settledAs(row, 'failed', 'untranslatable'), error: describe(error) } };
  }
}

function translate(event: CallEvent, arrival: Arrival, lookups: Lookups): Translated<CallMessage> | null {
  switch (event.type) {
    case 'leg':
      return translateLeg(event, arrival, lookups);
    case 'summary':
      return translateSummary(event, arrival, lookups);
    case 'recording':
      return translateRecording(event, arrival, lookups);
  }
}

export function arrivalOf(row: InboxRow): Arrival {
  const arrival = { inboxId: Number(row.id), receivedAt: row.received_at.getTime() };
  return row.source === 'reconcile' ? { ...arrival, reconciled: true } : arrival;
}

export const isTranslated = (item: TranslatedRow): item is Translated<CallMessage> => 'message' in item;

export function settledAs(row: InboxRow, verdict: Settled['verdict'], why: string): Settled {
  return { id: row.id, verdict, why, workflowId: null };
}

/** A row's message on its way, or what became of a row that has none. */
export type Parcels = ReadonlyMap<string, Parcel<CallMessage> | Settled>;

export function parcelsOf(translated: ReadonlyMap<string, TranslatedRow>): Parcels {
  return new Map(
    [...translated].map(([rowId, item]) => [
      rowId,
      isTranslated(item) ? { rowId, message: item.message, why: item.remark } : item.settled,
    ]),
  );
}

/** Names what is wrong without quoting the row: `last_error` is shown and logged. */
export function describe(error: unknown): string {
  if (error instanceof z.ZodError) return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  return error instanceof Error ? error.message : 'unknown error';
}
