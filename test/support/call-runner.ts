import { randomUUID } from 'node:crypto';
import { createCallSteps } from '../../activities/decisions/index.ts';
import { hearing, NOTHING_HEARD, type Heard } from '../../domain/causes.ts';
import type { CallLimits } from '../../domain/call.ts';
import { decide, newCallState, withAnnounced, withCallMessage, type CallState } from '../../domain/decisions.ts';
import type { ActionMessage, CallMessage, LegMessage, Party, RecordingMessage, SummaryMessage } from '../../domain/messages.ts';
import type { Db } from '../../db/pool.ts';

export const LIMITS: CallLimits = { draftGraceMs: 2_000, settleMs: 30_000, legMaxMs: 4 * 3_600_000, recordingWaitMs: 900_000 };

/** Rows that every call test needs: a PBX account, agents, a customer. */
export async function seedCast(db: Db): Promise<{ integrationId: string; anna: string; boris: string; vera: string }> {
  const [integration] = (await db('integrations')
    .insert({
      kind: 'mango',
      name: 'Mango Office',
      api_url: 'http://127.0.0.1:1',
      api_key_encrypted: Buffer.from('x'),
      api_salt_encrypted: Buffer.from('x'),
      api_key_hash: Buffer.from(randomUUID()),
    })
    .returning('id')) as { id: string }[];
  const agents = (await db('agents')
    .insert(['Анна', 'Борис', 'Вера'].map((name) => ({ full_name: name, email: `${randomUUID()}@test.local`, role: 'agent' })))
    .returning('id')) as { id: string }[];
  const [anna, boris, vera] = agents.map((agent) => agent.id);
  if (!integration || !anna || !boris || !vera) throw new Error('The cast was not stored');
  return { integrationId: integration.id, anna, boris, vera };
}

let inboxId = 1_000_000;
/** Of the message that was made last. */
export const latestInboxId = (): number => inboxId;
/** Calls of one test follow one another on this clock, which only the tests move. */
let latest = Date.now();

type LegPart = Partial<Omit<LegMessage, 'type' | 'legId' | 'seq' | 'state'>>;

/** A call driven by hand: the workflow's loop without Temporal, on a clock of its own, with the real steps on Postgres. */
export class CallRunner {
  state: CallState;
  now: number;
  /** What the workflow tells its steps of the messages taken in. */
  causes: Heard = NOTHING_HEARD;
  private readonly seqs = new Map<string, number>();
  private readonly parties = new Map<string, { from: Party; to: Party }>();

  private constructor(
    private readonly db: Db,
    readonly callId: string,
    startedAt: number,
    private readonly limits: CallLimits,
  ) {
    this.state = newCallState(callId);
    this.now = startedAt;
  }

  static async start(
    db: Db,
    integrationId: string,
    options: { phone?: string | null; at?: number; limits?: CallLimits } = {},
  ): Promise<CallRunner> {
    const phone = options.phone === undefined ? '+79161234567' : options.phone;
    const entry = randomUUID();
    const [row] = (await db('calls')
      .insert({ integration_id: integrationId, entry_id: entry, workflow_id: `call:${entry}`, phone, line: '+74950000000' })
      .returning('id')) as { id: string }[];
    if (!row) throw new Error('The call was not stored');
    if (phone) await db('call_numbers').insert({ call_id: row.id, ref: 1, number: phone });
    return new CallRunner(db, row.id, options.at ?? latest, options.limits ?? LIMITS);
  }

  leg(legId: string, state: LegMessage['state'], part: LegPart = {}): LegMessage {
    const seq = (this.seqs.get(legId) ?? 0) + 1;
    this.seqs.set(legId, seq);
    const known = this.parties.get(legId);
    const from = part.from ?? known?.from ?? { kind: 'outside', number: 1 };
    const to = part.to ?? known?.to ?? { kind: 'machine' };
    this.parties.set(legId, { from, to });
    return {
      type: 'leg',
      inboxId: ++inboxId,
      receivedAt: this.now,
      legId,
      seq,
      state,
      location: 'person',
      takenFrom: null,
      transfer: null,
      command: null,
      at: Math.floor(this.now / 1000) * 1000,
      reason: null,
      ...part,
      from,
      to,
    };
  }

  summary(part: Partial<SummaryMessage> = {}): SummaryMessage {
    return {
      type: 'summary',
      inboxId: ++inboxId,
      receivedAt: this.now,
      direction: 'incoming',
      from: { kind: 'outside', number: 1 },
      to: { kind: 'unmapped' },
      startedAt: this.now,
      talkedAt: null,
      endedAt: this.now,
      reason: null,
      ...part,
    };
  }

  recording(seq: number, state: RecordingMessage['state']): RecordingMessage {
    const said = { completionCode: state === 'completed' ? 1000 : null, recipient: 'cloud' } as const;
    return {
      ...{ type: 'recording', inboxId: ++inboxId, receivedAt: this.now, recordingId: 'R', seq, state },
      ...{ legId: null, party: null, ...said },
    };
  }

  /** Takes in messages and carries out everything that follows at this moment. */
  async send(...messages: CallMessage[]): Promise<void> {
    for (const message of messages) {
      this.state = withCallMessage(this.state, message, this.now);
      this.causes = hearing(this.causes, message);
    }
    await this.settle();
  }

  /** Lets time pass; the workflow wakes whenever it asked to. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      const { wakeAt } = decide(this.state, this.limits, this.now);
      if (wakeAt === null || wakeAt > until) break;
      this.now = Math.max(this.now, wakeAt);
      await this.settle();
    }
    this.now = until;
    latest = Math.max(latest, until);
    await this.settle();
  }

  /** An agent's action, stored as the interface stores it. */
  async act(
    agentId: string,
    action: Partial<ActionMessage> & Pick<ActionMessage, 'action'>,
    text: { subject?: string; gist?: string; fullName?: string } = {},
  ) {
    const actionId = action.actionId ?? randomUUID();
    const conversationId = action.conversationId ?? null;
    await this.db('actions')
      .insert({ agent_id: agentId, action_id: actionId, call_id: this.callId, type: action.action, body: JSON.stringify(text) })
      .onConflict()
      .ignore();
    if (conversationId && ['save_draft', 'create_ticket', 'link_ticket'].includes(action.action)) {
      await this.db('drafts')
        .insert({
          conversation_id: conversationId,
          call_id: this.callId,
          agent_id: agentId,
          subject: text.subject ?? '',
          gist: text.gist ?? '',
        })
        .onConflict('conversation_id')
        .merge();
    }
    await this.send({
      type: 'action',
      inboxId: ++inboxId,
      receivedAt: this.now,
      actionId,
      agentId,
      conversationId,
      ticketId: null,
      customerId: null,
      recordingId: null,
      hasText: Boolean(text.subject?.trim() || text.gist?.trim()),
      ...action,
    });
    return (await this.db('actions').where({ agent_id: agentId, action_id: actionId }).first('state', 'code', 'ticket_id')) as {
      state: string;
      code: string | null;
      ticket_id: string | null;
    };
  }

  conversationId(ordinal = 1): string {
    return `${this.callId}.${ordinal}`;
  }

  private async settle(): Promise<void> {
    const steps = createCallSteps({ db: this.db });
    for (let round = 0; round < 20; round++) {
      const plan = decide(this.state, this.limits, this.now);
      const ends = this.state.overAt === null && plan.state.overAt !== null;
      this.state = plan.state;
      if (plan.decisions.length === 0) return;
      const { callId, causes } = this;
      for (const result of await steps.applyDecisions({
        ...{ callId, decisions: plan.decisions },
        heard: causes.latest,
        heardOf: causes.of,
        ...(ends ? { endsHaving: Number.MAX_SAFE_INTEGER } : {}),
      })) {
        if (result.type === 'announced') this.state = withAnnounced(this.state, result.recordingId, result.rowId);
      }
    }
    throw new Error('The call does not come to rest');
  }
}

export const agent = (agentId: string): Party => ({ kind: 'agent', agentId });
