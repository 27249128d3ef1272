import { maskDigits, maskJson, type Masking } from '../../domain/masking.ts';
import type { Cursor, InspectedRow, InspectedRowDetail } from '../../db/inspector.ts';
import type { EventVerdict, InspectedEvent, InspectedEventDetail } from '../contract/inspector.ts';

const masked = (text: string | null): string | null => (text === null ? null : maskDigits(text));

const endOf = (extension: string | null, number: string | null): InspectedEvent['from'] =>
  extension || number ? { extension: extension || null, number: masked(number || null) } : null;

/** Stored is accepted for the moment that a delivery takes; then it waits. */
function verdictOf({ verdict, is_late }: InspectedRow): EventVerdict {
  if (verdict === 'accepted' && is_late) return 'waiting';
  return verdict as EventVerdict;
}

function whyOf({ kind, verdict, why }: InspectedRow): string | null {
  return kind === 'i' && verdict === 'kept' ? (why ?? 'unused_kind') : why;
}

export function presentInspected(row: InspectedRow): InspectedEvent {
  const { received_at, delivered_at, seq } = row;
  // What is kept without being delivered is marked so at once: that is no delivery.
  const deliveredAt = row.verdict === 'kept' ? null : delivered_at;
  return {
    id: `${row.kind}${row.id}`,
    receivedAt: received_at.toISOString(),
    account: row.integration_id === null ? null : { id: row.integration_id, name: row.account_name ?? '' },
    source: row.source,
    // Whoever is refused may have written anything there.
    path: row.kind === 'r' ? masked(row.path) : row.path,
    verdict: verdictOf(row),
    why: whyOf(row),
    repeats: row.repeats,
    repeatedAt: row.repeated_at?.toISOString() ?? null,
    deliveredAt: deliveredAt?.toISOString() ?? null,
    lagMs: deliveredAt === null ? null : Math.max(0, deliveredAt.getTime() - received_at.getTime()),
    attempts: row.attempts,
    error: row.last_error,
    callId: row.call_id,
    state: row.state,
    sequence: seq === null ? null : Number(seq),
    from: endOf(row.from_extension, row.from_number),
    to: endOf(row.to_extension, row.to_number),
    line: masked(row.line),
    agent: row.agent_id === null ? null : { id: row.agent_id, fullName: row.agent_name ?? '' },
  };
}

export function presentInspectedDetail(row: InspectedRowDetail, masking: Masking): InspectedEventDetail {
  return {
    ...presentInspected(row),
    key: row.key,
    entry: row.entry,
    workflowId: row.workflow_id,
    address: row.address,
    detail: (row.detail ?? null) as InspectedEventDetail['detail'],
    body: maskJson(row.body ?? null, masking) as InspectedEventDetail['body'],
    numbersShown: masking === 'numbers_shown',
  };
}

export const cursorOf = (row: InspectedRow): string => `${row.at_us}.${row.kind}${row.id}`;

export function readCursor(text: string | undefined): Cursor | undefined {
  const [, atUs, kind, id] = /^(\d+)\.([ir])(\d+)$/.exec(text ?? '') ?? [];
  return atUs === undefined || id === undefined ? undefined : { atUs, kind: kind === 'r' ? 'r' : 'i', id };
}
