import { randomUUID } from 'node:crypto';
import type { Db } from '../../db/pool.ts';

/** A PBX account with its operators, as rows. */
export async function seedPbx(
  db: Db,
  operators: readonly { extension: string; agentId?: string; ignored?: boolean; present?: boolean }[] = [],
): Promise<string> {
  const [row] = (await db('integrations')
    .insert({
      kind: 'mango',
      name: 'Mango Office',
      api_url: 'https://pbx.example',
      api_key_encrypted: Buffer.from('x'),
      api_salt_encrypted: Buffer.from('x'),
      api_key_hash: Buffer.from(randomUUID()),
    })
    .returning('id')) as { id: string }[];
  if (!row) throw new Error('The integration was not stored');
  for (const { extension, agentId, ignored, present } of operators) {
    await db('operators').insert({
      integration_id: row.id,
      extension,
      agent_id: agentId ?? null,
      ignored: ignored ?? false,
      present: present ?? true,
    });
  }
  return row.id;
}

export interface SeededCall {
  readonly callId: string;
  readonly entryId: string;
  readonly conversationId: string;
}

/** A call that an agent is talking in: the rows that the workflow's steps would have written. */
export async function seedTalk(
  db: Db,
  talk: {
    readonly integrationId: string;
    readonly agentId: string;
    readonly phone?: string | null;
    readonly customerId?: string;
  },
): Promise<SeededCall> {
  const entryId = randomUUID();
  const phone = talk.phone === undefined ? '+79160001122' : talk.phone;
  const [row] = (await db('calls')
    .insert({
      integration_id: talk.integrationId,
      entry_id: entryId,
      workflow_id: `call:${entryId}`,
      direction: 'incoming',
      phone,
      line: '+74950000000',
      customer_id: talk.customerId ?? null,
    })
    .returning('id')) as { id: string }[];
  if (!row) throw new Error('The call was not stored');
  const conversationId = `${row.id}:1`;
  const startedAt = new Date();
  await db('conversations').insert({
    id: conversationId,
    call_id: row.id,
    ordinal: 1,
    agent_id: talk.agentId,
    direction: 'incoming',
    outcome: 'in_progress',
    phone,
    started_at: startedAt,
    answered_at: startedAt,
  });
  await db('call_cards').insert({
    call_id: row.id,
    agent_id: talk.agentId,
    state: 'talking',
    conversation_id: conversationId,
    direction: 'incoming',
    started_at: startedAt,
    answered_at: startedAt,
  });
  return { callId: row.id, entryId, conversationId };
}
