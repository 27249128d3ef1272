import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../../../db/pool.ts';

/** Mango's limits per product (mango-api §1.4), as the pause between two requests, with a tenth to spare for the network. */
const PAUSE_MS = {
  any: 110,
  callback: 275,
  hangup: 275,
  recording: 110,
  users: 2_200,
  balance: 550,
  stats_request: 2_200,
  stats_result: 110,
} as const;
export type MethodGroup = Exclude<keyof typeof PAUSE_MS, 'any'>;

export type Slot =
  { readonly granted: true; readonly waitedMs: number } | { readonly granted: false; readonly retryAfterMs: number };

/**
 * Takes the next free moment for one request of that kind, among all processes, and waits for it; or says when there will be
 * one, if that is longer than `patienceMs` away. Only Postgres' clock counts.
 */
export async function takeSlot(db: Db, integrationId: string, group: MethodGroup, patienceMs: number): Promise<Slot> {
  const first = await reserve(db, integrationId, group, patienceMs);
  if (!first.granted) return first;
  await delay(first.waitMs);
  const second = await reserve(db, integrationId, 'any', Math.max(0, patienceMs - first.waitMs));
  if (!second.granted) return second;
  await delay(second.waitMs);
  return { granted: true, waitedMs: first.waitMs + second.waitMs };
}

type Reservation =
  { readonly granted: true; readonly waitMs: number } | { readonly granted: false; readonly retryAfterMs: number };

async function reserve(db: Db, integrationId: string, group: keyof typeof PAUSE_MS, patienceMs: number): Promise<Reservation> {
  const { rows } = await db.raw<{ rows: { wait_ms: string }[] }>(
    `insert into pbx_slots as s (integration_id, method_group, next_at)
     values (:integrationId, :group, clock_timestamp() + :pause * interval '1 ms')
     on conflict (integration_id, method_group) do update
       set next_at = greatest(s.next_at, clock_timestamp()) + :pause * interval '1 ms'
       where s.next_at <= clock_timestamp() + :patience * interval '1 ms'
     returning extract(epoch from next_at - clock_timestamp()) * 1000 - :pause as wait_ms`,
    { integrationId, group, pause: PAUSE_MS[group], patience: patienceMs },
  );
  const [row] = rows;
  if (row) return { granted: true, waitMs: Math.max(0, Math.ceil(Number(row.wait_ms))) };
  const { rows: taken } = await db.raw<{ rows: { wait_ms: string }[] }>(
    `select extract(epoch from next_at - clock_timestamp()) * 1000 as wait_ms from pbx_slots
     where integration_id = :integrationId and method_group = :group`,
    { integrationId, group },
  );
  return { granted: false, retryAfterMs: Math.max(PAUSE_MS[group], Math.ceil(Number(taken[0]?.wait_ms ?? 0))) };
}

/** The PBX says that the quota is used up (another integration may share it): nobody sends for a while. */
export async function pauseSlots(db: Db, integrationId: string, group: MethodGroup, pauseMs: number): Promise<void> {
  await db.raw(
    `insert into pbx_slots as s (integration_id, method_group, next_at)
     values (:integrationId, :group, clock_timestamp() + :pause * interval '1 ms')
     on conflict (integration_id, method_group) do update set next_at = greatest(s.next_at, excluded.next_at)`,
    { integrationId, group, pause: pauseMs },
  );
}
