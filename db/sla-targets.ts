import type { Channel } from '../domain/tickets.ts';
import type { Executor } from './pool.ts';

export interface SlaTargetRow {
  readonly channel: Channel;
  readonly first_reply_seconds: number | null;
  readonly any_reply_seconds: number | null;
  readonly close_seconds: number | null;
}

export const listSlaTargets = async (db: Executor): Promise<SlaTargetRow[]> =>
  (await db('sla_targets').orderByRaw(
    `array_position(array['call','email','chat','web','messenger','social'], channel)`,
  )) as SlaTargetRow[];

export async function writeSlaTarget(
  trx: Executor,
  channel: Channel,
  values: {
    readonly first_reply_seconds?: number | null;
    readonly any_reply_seconds?: number | null;
    readonly close_seconds?: number | null;
  },
): Promise<SlaTargetRow> {
  const [row] = (await trx('sla_targets')
    .insert({ channel, ...values })
    .onConflict('channel')
    .merge(['channel', ...Object.keys(values)])
    .returning('*')) as SlaTargetRow[];
  if (!row) throw new Error(`Postgres returned no SLA target for ${channel}`);
  return row;
}
