import type { Transaction } from './pool.ts';

interface Asked {
  readonly agentId: string;
  readonly kind: 'ticket' | 'message';
  /** The same for every repeat of one request; without it each request stands for itself. */
  readonly requestId: string | undefined;
}

/** Makes a thing once for one request: a repeat, sent because the answer was lost, gets what the first one made. */
export async function madeOnce(
  trx: Transaction,
  { agentId, kind, requestId }: Asked,
  make: () => Promise<string>,
): Promise<string> {
  if (!requestId) return make();
  const request = { agent_id: agentId, kind, request_id: requestId };
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`${agentId} ${kind} ${requestId}`]);
  const known = (await trx('made_once').where(request).first('made_id')) as { made_id: string } | undefined;
  if (known) return String(known.made_id);
  const madeId = await make();
  await trx('made_once').where({ agent_id: agentId }).whereRaw("at < now() - interval '1 day'").delete();
  await trx('made_once').insert({ ...request, made_id: madeId });
  return madeId;
}
