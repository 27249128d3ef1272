import type { Db } from '../../db/pool.ts';

/** What happened to tickets, as plain data: written into the database by `store`, counted by the reckoning without it. */

export type ChannelName = 'call' | 'email' | 'chat' | 'web' | 'messenger' | 'social';

export type Happening = { readonly at: number } & (
  | { readonly what: 'assigned'; readonly to: number | null; readonly by: number | null }
  | { readonly what: 'status'; readonly to: 'open' | 'pending' | 'closed'; readonly by: number | null }
  | { readonly what: 'changed'; readonly by: number | null }
  | { readonly what: 'note'; readonly by: number }
  | { readonly what: 'reply'; readonly by: number; readonly automatic: boolean; readonly writingSeconds: number | null }
  | { readonly what: 'customer wrote' }
  | {
      readonly what: 'talk';
      readonly agent: number;
      /** Null while it is still going on. */
      readonly endedAt: number | null;
      /** When each of its recordings became part of the message; `at` is when the message appeared. */
      readonly recordedAt: readonly number[];
      /** False: nobody talked (a recorded attempt). */
      readonly isTalk: boolean;
      /** The ticket the message stands in now, if it was moved. */
      readonly movedTo: number | null;
      /** Who moved it, when it had ended: work in both tickets. Left out where nothing says so. */
      readonly movedBy?: number;
    }
);

export interface History {
  readonly channel: ChannelName;
  readonly kind: 'incoming' | 'outgoing' | 'missed' | null;
  readonly createdAt: number;
  readonly createdBy: number | 'customer' | 'system';
  readonly createdStatus: 'open' | 'pending' | 'closed';
  readonly assignee: number | null;
  /** In order of time; at one instant in the order in which they happened. */
  readonly happenings: readonly Happening[];
}

export type Targets = Readonly<
  Record<ChannelName, { readonly first: number | null; readonly any: number | null; readonly close: number | null }>
>;

export interface World {
  readonly agents: number;
  /** Each agent's; nobody has one unless said. */
  readonly teams?: readonly (string | null)[];
  readonly histories: readonly History[];
  readonly targets: Targets;
}

export interface StoredWorld {
  readonly agentIds: readonly string[];
  readonly ticketIds: readonly string[];
}

const iso = (at: number): Date => new Date(at);

/** The assignee and the status after each happening, told from the beginning. */
export function unfold(history: History): readonly {
  readonly happening: Happening;
  readonly assignee: number | null;
  readonly before: string;
  readonly status: string;
}[] {
  let { assignee } = history;
  let status: string = history.createdStatus;
  return history.happenings.map((happening) => {
    const before = status;
    if (happening.what === 'assigned') assignee = happening.to;
    if (happening.what === 'status') status = happening.to;
    return { happening, assignee, before, status };
  });
}

interface Rows {
  readonly events: Record<string, unknown>[];
  readonly messages: { readonly key: number; readonly row: Record<string, unknown> }[];
}

/** Writes a world's rows the way the product does, `between` being called when half of everything is there. */
export async function store(db: Db, world: World, between: () => Promise<void> = () => Promise.resolve()): Promise<StoredWorld> {
  await db.raw('truncate agents, customers, integrations, tickets, statistics_stale, statistics_facts cascade');
  for (const [channel, { first, any, close }] of Object.entries(world.targets)) {
    await db('sla_targets')
      .where({ channel })
      .update({ first_reply_seconds: first, any_reply_seconds: any, close_seconds: close });
  }
  const agentIds = await insert(
    db,
    'agents',
    Array.from({ length: world.agents }, (_, index) => ({
      full_name: `Agent ${index}`,
      email: `agent${index}@example.com`,
      role: 'agent',
      team: world.teams?.[index] ?? null,
    })),
  );
  const [integration] = await insert(db, 'integrations', [
    { kind: 'demo', name: 'PBX', api_url: 'http://pbx', api_key_encrypted: 'x', api_salt_encrypted: 'x', api_key_hash: 'x' },
  ]);
  const ticketIds = await insert(
    db,
    'tickets',
    world.histories.map((history, index) => ticketRow(history, index, agentIds)),
  );
  const rows = await rowsOf(db, world, agentIds, ticketIds, integration ?? '');
  const half = <T>(all: readonly T[]): [T[], T[]] => [all.slice(0, all.length / 2), all.slice(all.length / 2)];
  const [firstMessages, lastMessages] = half(rows.messages);
  const [firstEvents, lastEvents] = half(rows.events);
  await insert(
    db,
    'messages',
    firstMessages.map(({ row }) => row),
  );
  await insert(db, 'ticket_events', firstEvents);
  await between();
  await insert(db, 'ticket_events', lastEvents);
  await insert(
    db,
    'messages',
    lastMessages.map(({ row }) => row),
  );
  return { agentIds, ticketIds };
}

async function insert(db: Db, table: string, rows: readonly object[]): Promise<string[]> {
  const ids: string[] = [];
  for (let from = 0; from < rows.length; from += 500) {
    const inserted = (await db(table)
      .insert(rows.slice(from, from + 500))
      .returning('id')) as { id: string }[];
    ids.push(...inserted.map(({ id }) => id));
  }
  return ids;
}

function ticketRow(history: History, index: number, agentIds: readonly string[]): object {
  const last = unfold(history).at(-1);
  const status = last?.status ?? history.createdStatus;
  const assignee = last ? last.assignee : history.assignee;
  return {
    subject: `Ticket ${index}`,
    status,
    channel: history.channel,
    kind: history.kind,
    handset: history.channel === 'call' ? 'green' : null,
    assignee_id: assignee === null ? null : agentIds[assignee],
    created_at: iso(history.createdAt),
    closed_at: status === 'closed' ? iso(history.createdAt) : null,
  };
}

async function rowsOf(
  db: Db,
  world: World,
  agentIds: readonly string[],
  ticketIds: readonly string[],
  integration: string,
): Promise<Rows> {
  const rows: Rows = { events: [], messages: [] };
  const talks: { call: object; conversation: object }[] = [];
  for (const [index, history] of world.histories.entries()) {
    const ticket_id = ticketIds[index];
    const line = (at: number, type: string, assignee: number | null, by: number | 'customer' | null, more: object = {}): void => {
      rows.events.push({
        ticket_id,
        at: iso(at),
        type,
        channel: history.channel,
        kind: history.kind,
        assignee_id: assignee === null ? null : agentIds[assignee],
        actor_type: by === 'customer' ? 'customer' : by === null ? 'system' : 'agent',
        actor_id: typeof by === 'number' ? agentIds[by] : null,
        is_work: false,
        conversation_id: null,
        data: {},
        ...more,
      });
    };
    const creator = history.createdBy === 'system' ? null : history.createdBy;
    line(history.createdAt, 'created', history.assignee, creator, { is_work: typeof creator === 'number' });
    if (history.createdStatus === 'closed') line(history.createdAt, 'closed', history.assignee, creator);
    for (const [step, { happening, assignee, before }] of unfold(history).entries()) {
      const { at } = happening;
      const message = (row: object): void => {
        rows.messages.push({
          key: step,
          row: {
            ticket_id,
            body: '',
            conversation_id: null,
            writing_seconds: null,
            automatic: false,
            author_id: null,
            created_at: iso(at),
            ...row,
          },
        });
      };
      switch (happening.what) {
        case 'assigned':
          line(at, 'assigned', assignee, happening.by, { is_work: happening.by !== null });
          break;
        case 'status': {
          if (happening.to === before) break;
          const type = happening.to === 'closed' ? 'closed' : before === 'closed' ? 'reopened' : 'status';
          line(at, type, assignee, happening.by, { is_work: happening.by !== null });
          break;
        }
        case 'changed':
          line(at, 'subject', assignee, happening.by, { is_work: happening.by !== null });
          break;
        case 'note':
          message({ type: 'note', author_type: 'agent', author_id: agentIds[happening.by] });
          line(at, 'note', assignee, happening.by, { is_work: true });
          break;
        case 'reply':
          message({
            type: 'reply',
            author_type: 'agent',
            author_id: agentIds[happening.by],
            automatic: happening.automatic,
            writing_seconds: happening.writingSeconds,
          });
          line(at, 'reply', assignee, happening.by, { is_work: !happening.automatic });
          break;
        case 'customer wrote':
          message({ type: 'reply', author_type: 'customer' });
          line(at, 'reply', assignee, 'customer');
          break;
        case 'talk': {
          const id = `talk-${index}-${step}`;
          const call = {
            id: `00000000-0000-4000-8000-${String(index * 1000 + step).padStart(12, '0')}`,
            integration_id: integration,
          };
          talks.push({
            call,
            conversation: {
              id,
              call_id: call.id,
              ordinal: 0,
              agent_id: agentIds[happening.agent],
              direction: 'incoming',
              outcome: 'talked',
              started_at: iso(at),
              ended_at: happening.endedAt === null ? null : iso(happening.endedAt),
            },
          });
          message({
            type: 'reply',
            author_type: 'agent',
            author_id: agentIds[happening.agent],
            automatic: true,
            conversation_id: id,
            ticket_id: happening.movedTo === null ? ticket_id : ticketIds[happening.movedTo],
          });
          line(at, 'reply', assignee, null);
          if (happening.movedTo !== null && happening.movedBy !== undefined) {
            const movedAt = happening.endedAt ?? at;
            const to = { ticket_id: ticketIds[happening.movedTo], channel: world.histories[happening.movedTo]?.channel };
            line(movedAt, 'unlinked', assignee, happening.movedBy, { is_work: true, conversation_id: id });
            line(movedAt, 'linked', null, happening.movedBy, { is_work: true, conversation_id: id, ...to });
          }
          for (const recordedAt of happening.recordedAt) {
            line(recordedAt, 'recording', assignee, null, { conversation_id: id, data: { talk: happening.isTalk } });
          }
        }
      }
    }
  }
  await insert(
    db,
    'calls',
    talks.map(({ call }) => call),
  );
  await insert(
    db,
    'conversations',
    talks.map(({ conversation }) => conversation),
  );
  return rows;
}
