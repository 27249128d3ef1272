import type { ErasureRecord, Evidence, RecordingRecord, SentRecord, StoryRecord, TicketRecord } from './evidence.ts';
import { expectedTickets, factsOf, withoutCustomer, type ExpectedTicket } from './reckoning.ts';

/** The counts of the invariants I1–I14; each of them is to be nought. */
export const MUST_BE_NOUGHT = [
  'lost',
  'noTicket',
  'twoTickets',
  'missedTwice',
  'answeredAsMissed',
  'different',
  'textLost',
  'silent',
  'wrongBytes',
  'recordingTwice',
  'recordingLost',
  'pendingAfterT',
  'actionTwice',
  'actionLost',
  'dialledTwice',
  'lockouts',
  'inboxOld',
  'callsOpen',
  'workflowsRunning',
  'workflowsFailed',
  'orphanFiles',
  'sseMissing',
  'sseForeign',
  'figuresOff',
  'erasureUndone',
  'erasedLeft',
  'tailBad',
  'leaks',
  'notRecovered',
  'storiesBroken',
] as const;
export type Nought = (typeof MUST_BE_NOUGHT)[number];

export interface Verdict {
  readonly counts: Readonly<Record<Nought, number>>;
  /** The first cases of each count, in words. */
  readonly cases: readonly string[];
  readonly facts: Readonly<Record<string, number | string>>;
  /** Why the run proves nothing, if so. */
  readonly voidBecause: string | null;
  /** All that was counted and must be nought. */
  readonly faults: number;
  readonly passed: boolean;
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

class Tally {
  readonly counts = Object.fromEntries(MUST_BE_NOUGHT.map((name) => [name, 0])) as Record<Nought, number>;
  readonly cases: string[] = [];
  add(name: Nought, what: string, times = 1): void {
    if (times <= 0) return;
    this.counts[name] += times;
    if (this.cases.filter((line) => line.startsWith(`${name}:`)).length < 25) this.cases.push(`${name}: ${what}`);
  }
}

export function check(evidence: Evidence): Verdict {
  const tally = new Tally();
  checkInbox(evidence, tally);
  checkTickets(evidence, tally);
  checkTexts(evidence, tally);
  checkRecordings(evidence, tally);
  checkCommands(evidence, tally);
  checkDrain(evidence, tally);
  checkStreams(evidence, tally);
  checkFigures(evidence, tally);
  checkErasures(evidence, tally);
  for (const { path, statuses } of evidence.tail) {
    if (statuses.some((status) => status !== 200)) tally.add('tailBad', `${path} answered ${statuses.join(', ')}`);
  }
  for (const line of evidence.leaks) tally.add('leaks', line);
  for (const { what, recoveredMs } of evidence.strikes) if (recoveredMs === null) tally.add('notRecovered', what);
  for (const { story, shape, trouble } of evidence.stories)
    if (trouble !== null) tally.add('storiesBroken', `${story} (${shape}): ${trouble}`);
  const voidBecause = whyVoid(evidence);
  const faults = MUST_BE_NOUGHT.reduce((sum, name) => sum + tally.counts[name], 0);
  const passed = voidBecause === null && faults === 0;
  return { counts: tally.counts, cases: tally.cases, facts: factsForTable(evidence), voidBecause, faults, passed };
}

// I1 ------------------------------------------------------------------------------------------------------------------------

function keyOf(path: string, body: Readonly<Record<string, unknown>>): string | null {
  const field = (name: string): string => String(body[name]);
  if (path.endsWith('/events/call')) return `leg ${field('call_id')} ${field('seq')} ${field('call_state')}`;
  if (path.endsWith('/events/summary')) return `summary ${field('entry_id')}`;
  if (path.endsWith('/events/recording')) return `recording ${field('recording_id')} ${field('seq')} ${field('recording_state')}`;
  if (path.endsWith('/events/record/added')) return `stored ${field('recording_id')}`;
  return path.includes('/result/callback') ? `result ${field('command_id')}` : null;
}

const keyOfSent = ({ path, json }: SentRecord): string | null => keyOf(path, JSON.parse(json) as Record<string, unknown>);

function checkInbox({ inbox, sent }: Evidence, tally: Tally): void {
  const stored = inbox.filter(({ source }) => source === 'pbx').flatMap(({ path, body }) => keyOf(path ?? '', body) ?? []);
  const known = new Set(stored);
  const acknowledged = new Set(sent.filter(({ status }) => status === 200).flatMap((one) => keyOfSent(one) ?? []));
  for (const key of acknowledged) if (!known.has(key)) tally.add('lost', `${key} was answered 200 and is not in the inbox`);
}

// What nobody could know in time --------------------------------------------------------------------------------------------

/**
 * Calls of which neither the answer nor the summary was told before all waiting for them was over: by the specification («Ends that do not
 * come») such a call is judged as it stood, and what comes later changes nothing.
 */
function tooLate({ sent, calls, settleMs }: Evidence): ReadonlySet<string> {
  if (settleMs === undefined) return new Set();
  const first = new Map<string, number>();
  for (const one of sent) {
    const key = one.status === 200 ? keyOfSent(one) : null;
    if (key !== null) first.set(key, Math.min(first.get(key) ?? Number.POSITIVE_INFINITY, one.at));
  }
  const legs = groupBy(
    sent.filter(({ path }) => path.endsWith('/events/call')),
    ({ entryId }) => entryId,
  );
  const toldOf = (call: Evidence['calls'][number], state: string): number[] => {
    const bodies = (legs.get(call.entryId) ?? [])
      .map(({ json, path }) => ({ path, body: JSON.parse(json) as Record<string, unknown> }))
      .filter(({ body }) => body['call_state'] === state);
    return bodies.map(({ path, body }) => first.get(keyOf(path, body) ?? '') ?? Number.POSITIVE_INFINITY);
  };
  const late = calls.filter((call) => {
    const ends = toldOf(call, 'Disconnected').filter(Number.isFinite);
    const given = Math.max(...ends) + settleMs;
    const summary = first.get(`summary ${call.entryId}`) ?? Number.POSITIVE_INFINITY;
    return summary > given && [...toldOf(call, 'Appeared'), ...toldOf(call, 'Connected')].some((at) => at > given);
  });
  return new Set(late.map(({ entryId }) => entryId));
}

// Who was erased ------------------------------------------------------------------------------------------------------------

/** Customers whose erasure was accepted, by the number of their story. */
const erasedIn = ({ erasures = [] }: Evidence): ReadonlyMap<number, ErasureRecord> =>
  new Map(erasures.filter(({ status }) => status === 202).map((one) => [one.story, one]));

const ticketsOf = ({ customerId }: ErasureRecord, { tickets }: Evidence): readonly TicketRecord[] =>
  tickets.filter(({ customer }) => customer?.id === customerId);

function erasedTickets(evidence: Evidence): ReadonlySet<TicketRecord> {
  return new Set([...erasedIn(evidence).values()].flatMap((one) => ticketsOf(one, evidence)));
}

/** All calls of customers who were erased. */
function erasedCalls(evidence: Evidence): ReadonlySet<string> {
  const erased = erasedIn(evidence);
  return new Set(evidence.stories.filter(({ story }) => erased.has(story)).flatMap(({ entryIds }) => entryIds));
}

/** They are to be gone everywhere; that nobody else is, all other counts say. */
function checkErasures(evidence: Evidence, tally: Tally): void {
  for (const one of evidence.erasures ?? []) {
    const name = `the customer of story ${one.story}`;
    if (one.status !== 202) tally.add('erasureUndone', `${name}: the order was answered ${one.status}`);
    if (one.status !== 202) continue;
    if (one.state !== 'done') tally.add('erasureUndone', `${name} stands at ${one.state}`);
    if (one.logLines !== 1) tally.add('erasureUndone', `${name} has ${one.logLines} lines in the destruction log`);
    if (one.customerStatus !== 404) tally.add('erasedLeft', `${name} is answered ${one.customerStatus}`);
    const since = one.finishedAt ?? Number.POSITIVE_INFINITY;
    // What the PBX sends after the end is news of somebody unknown.
    for (const { table, at } of one.traces ?? []) if (at === null || at <= since) tally.add('erasedLeft', `${name} in ${table}`);
    const own = ticketsOf(one, evidence);
    for (const { id, phone } of own) if (phone !== null) tally.add('erasedLeft', `${name}: the number in ticket ${id}`);
    const recordings = talksIn(own).flatMap(({ conversation }) => recordingsOf(conversation));
    for (const { id, state } of recordings)
      if (state !== 'unavailable') tally.add('erasedLeft', `${name}: recording ${id} is ${state}`);
  }
}

// I2, I3 --------------------------------------------------------------------------------------------------------------------

type Told = TicketRecord['messages'][number] & {
  readonly conversation: NonNullable<TicketRecord['messages'][number]['conversation']>;
};

const talksIn = (tickets: readonly TicketRecord[]): Told[] =>
  tickets.flatMap(({ messages }) => messages.filter((message): message is Told => message.conversation !== null));

function checkTickets(evidence: Evidence, tally: Tally): void {
  const facts = factsOf(evidence);
  const erased = erasedIn(evidence);
  const anonymous = erasedTickets(evidence);
  const named = evidence.tickets.filter((ticket) => !anonymous.has(ticket));
  const byPhone = groupBy(named, ({ phone }) => phone);
  const seen = new Map<string, number>();
  for (const { conversation } of talksIn(evidence.tickets)) seen.set(conversation.id, (seen.get(conversation.id) ?? 0) + 1);
  for (const [id, times] of seen) tally.add('twoTickets', `conversation ${id} stands in ${times} messages`, times - 1);

  const late = tooLate(evidence);
  const isTooLate = ({ entryIds }: StoryRecord): boolean => entryIds.some((entryId) => late.has(entryId));
  const hidden = evidence.stories.filter(({ phone }) => phone === null);
  const groups: (readonly [readonly StoryRecord[], string])[] = [
    ...evidence.stories
      .filter(({ phone }) => phone !== null)
      .map((story) => [[story], `story ${story.story} (${story.shape})`] as const),
    [hidden, 'hidden callers'],
  ];
  const phones = new Set<string | null>(evidence.stories.map(({ phone }) => phone));
  for (const { phone, id } of named) if (!phones.has(phone)) tally.add('twoTickets', `ticket ${id} belongs to nobody who called`);
  for (const [stories, name] of groups) {
    if (stories.some((story) => story.trouble !== null || isTooLate(story))) continue;
    const expected = stories.flatMap((story) => expectedTickets(story, facts));
    const erasure = erased.get(stories[0]?.story ?? Number.NaN);
    if (erasure) {
      const left = byPhone.get(erasure.phone) ?? [];
      const found = [...ticketsOf(erasure, evidence), ...left];
      compare(withoutCustomer(expected, erasure.texts, erasure.phone), found, `${name}, erased`, evidence, tally);
    } else compare(expected, byPhone.get(stories[0]?.phone ?? null) ?? [], name, evidence, tally);
  }
}

function compare(
  expected: readonly ExpectedTicket[],
  found: readonly TicketRecord[],
  name: string,
  evidence: Evidence,
  tally: Tally,
): void {
  const count = (outcome: string): readonly [number, number] => [
    expected.flatMap(({ entries }) => entries).filter((entry) => entry.outcome === outcome).length,
    talksIn(found).filter(({ conversation }) => conversation.outcome === outcome).length,
  ];
  const [talked, isTalked] = count('talked');
  const [missed, isMissed] = count('missed');
  const [attempts, isAttempts] = count('unanswered');
  const both = `${name}: expected ${describeExpected(expected)}; found ${describeFound(found, evidence)}`;
  if (isTalked < talked && isMissed > missed) tally.add('answeredAsMissed', both, Math.min(talked - isTalked, isMissed - missed));
  else
    tally.add(
      'noTicket',
      both,
      Math.max(0, talked - isTalked) + Math.max(0, missed - isMissed) + Math.max(0, attempts - isAttempts),
    );
  tally.add('twoTickets', both, isTalked - talked);
  tally.add('missedTwice', both, isMissed - missed);
  tally.add('missedTwice', both, isAttempts - attempts);
  // A link that comes after the end moves the talk out of the automatic ticket, which stays behind, closed (Fine points, After the end).
  const isLeftBehind = (ticket: TicketRecord): boolean =>
    ticket.status === 'closed' && talksIn([ticket]).length === 0 && wasLinked(ticket, evidence);
  const rest = found.filter((ticket) => !isLeftBehind(ticket));
  const unmatched = expected.filter((wanted) => {
    const index = rest.findIndex((ticket) => isSame(wanted, ticket, evidence));
    if (index !== -1) rest.splice(index, 1);
    return index === -1;
  });
  if (unmatched.length + rest.length > 0) tally.add('different', both, Math.max(unmatched.length, rest.length));
}

function wasLinked({ assignee }: TicketRecord, evidence: Evidence): boolean {
  const links = evidence.acts.filter(({ type, outcome }) => type === 'link_ticket' && outcome?.state === 'done');
  return links.some(({ extension }) => agentIdOf(evidence, extension) === assignee?.id);
}

const agentIdOf = ({ staff }: Evidence, extension: string): string =>
  staff.find((one) => one.extension === extension)?.agentId ?? '?';
const extensionOf = ({ staff }: Evidence, agentId: string | undefined): string | null =>
  staff.find((one) => one.agentId === agentId)?.extension ?? null;

function isSame(wanted: ExpectedTicket, ticket: TicketRecord, evidence: Evidence): boolean {
  const { kind, subject, status, assignee, missedCount, entries } = wanted;
  const isAssigned =
    assignee === undefined || (ticket.assignee?.id ?? null) === (assignee === null ? null : agentIdOf(evidence, assignee));
  if (ticket.kind !== kind || ticket.status !== status || !isAssigned) return false;
  if (subject !== undefined && ticket.subject !== subject) return false;
  if (ticket.channel !== 'call' || (kind === 'missed' && ticket.missedCount !== missedCount)) return false;
  if (kind !== 'missed' && ticket.handset !== 'green') return false;
  const rest = talksIn([ticket]);
  for (const { outcome, agent, body } of entries) {
    const index = rest.findIndex(
      ({ conversation, body: typed }) =>
        conversation.outcome === outcome &&
        (agent === undefined || conversation.agent?.id === (agent === null ? undefined : agentIdOf(evidence, agent))) &&
        (body === undefined || typed === body),
    );
    if (index === -1) return false;
    rest.splice(index, 1);
  }
  // The handset of a missed call goes by a recording, which is gone with the customer.
  return rest.length === 0 && (kind !== 'missed' || isHandsetRight(ticket) || erasedTickets(evidence).has(ticket));
}

/** S13: red until a talk that the customer answered, with a recording, appears. */
function isHandsetRight(ticket: TicketRecord): boolean {
  const talks = talksIn([ticket]).filter(({ conversation }) => conversation.outcome === 'talked');
  const isRecorded = talks.some(({ conversation }) => recordingsOf(conversation).some(({ state }) => state === 'ready'));
  return ticket.handset === (isRecorded ? 'green' : 'red');
}

function describeExpected(tickets: readonly ExpectedTicket[]): string {
  return JSON.stringify(
    tickets.map(({ kind, status, subject, assignee, missedCount, entries }) => [
      kind,
      status,
      subject?.slice(0, 24) ?? '*',
      assignee ?? null,
      missedCount,
      entries.map(({ outcome, agent, body }) => [outcome, agent ?? '*', body ?? '*']),
    ]),
  );
}

function describeFound(tickets: readonly TicketRecord[], evidence: Evidence): string {
  return JSON.stringify(
    tickets.map((ticket) => [
      ticket.kind,
      ticket.status,
      ticket.subject.slice(0, 24),
      extensionOf(evidence, ticket.assignee?.id),
      ticket.missedCount,
      talksIn([ticket]).map(({ conversation, body }) => [
        conversation.outcome,
        extensionOf(evidence, conversation.agent?.id),
        body,
      ]),
      ticket.handset,
    ]),
  );
}

// I5, I7 --------------------------------------------------------------------------------------------------------------------

function checkTexts(evidence: Evidence, tally: Tally): void {
  const { acts, tickets, stories } = evidence;
  const erased = erasedIn(evidence);
  const wordless = new Set(
    stories.filter(({ story }) => erased.get(story)?.texts === 'erase').flatMap(({ entryIds }) => entryIds),
  );
  const bodies = tickets.flatMap(({ messages }) => messages.map(({ body }) => body));
  const byConversation = groupBy(acts, ({ entryId, extension }) => `${entryId} ${extension}`);
  for (const [where, together] of byConversation) {
    for (const act of together) {
      const name = `${act.type} ${act.actionId} in ${where}`;
      if (act.status === 202 && (act.outcome === null || act.outcome.state === 'accepted')) tally.add('actionLost', name);
      if (act.status !== null && act.status !== 202) tally.add('actionLost', `${name} answered ${act.status}: ${act.problem}`);
    }
    const creates = together.filter(({ type }) => type === 'create_ticket');
    const done = creates.filter(({ outcome }) => outcome?.state === 'done');
    tally.add('actionTwice', `${done.length} tickets were made in ${where}`, done.length - 1);
    const refused = together.filter(({ outcome }) => outcome?.state === 'refused');
    // Of two tabs, one is told that the other was first; nobody else has a reason to be refused.
    const isSecond = creates.length > 1 && done.length === 1;
    for (const { type, outcome } of refused)
      if (!isSecond) tally.add('actionLost', `${type} in ${where} was refused: ${outcome?.code}`);
  }
  for (const { gist, type, outcome, entryId } of acts) {
    if (outcome?.state !== 'done' || wordless.has(entryId)) continue;
    const times = bodies.filter((body) => body.includes(gist)).length;
    if (times === 0) tally.add('textLost', `the gist of a ${type} in ${entryId}`);
    tally.add('actionTwice', `a gist stands in ${times} messages`, times - 1);
  }
}

// I6 ------------------------------------------------------------------------------------------------------------------------

type Conversation = Told['conversation'];
const recordingsOf = ({ recordings, recording }: Conversation): readonly RecordingRecord[] =>
  recordings.length > 0 ? recordings : recording ? [recording] : [];

function checkRecordings(evidence: Evidence, tally: Tally): void {
  const facts = evidence.calls.flatMap(({ recordings }) => recordings);
  const bySha = new Map(facts.flatMap((one) => (one.sha256 === null ? [] : [[one.sha256, one] as const])));
  const delivered = new Map<string, number>();
  // The PBX's statistics may name a recording that it never hands out: asked for now and then, for hours, and the message says why.
  const hidden = (agentId: string | undefined): string => `hidden, with ${agentId}`;
  const absent = new Set(
    evidence.calls.flatMap(({ customer, recordings }) =>
      recordings
        .filter(({ sha256 }) => sha256 === null)
        .map(({ extension }) => (customer === null ? hidden(agentIdOf(evidence, extension)) : `+${customer}`)),
    ),
  );
  const phones = new Map(
    evidence.tickets.flatMap((ticket) => talksIn([ticket]).map((told) => [told.conversation.id, ticket.phone])),
  );
  const isThere = ({ id, agent }: Conversation): boolean => !absent.has(phones.get(id) ?? hidden(agent?.id));
  const anonymous = erasedTickets(evidence);
  for (const { conversation } of talksIn(evidence.tickets.filter((ticket) => !anonymous.has(ticket)))) {
    if (conversation.outcome !== 'talked') continue;
    const recordings = recordingsOf(conversation);
    if (recordings.length === 0) tally.add('silent', `conversation ${conversation.id} says nothing of a recording`);
    for (const { id, state, reason } of recordings) {
      if (state === 'pending' && (!reason || isThere(conversation))) tally.add('pendingAfterT', `recording ${id} (${reason})`);
      if (state === 'unavailable' && !reason) tally.add('silent', `recording ${id} is unavailable without a reason`);
      if (state !== 'ready') continue;
      const sha256 = evidence.downloads[id] ?? '';
      const truth = bySha.get(sha256);
      const isTheirs = truth && agentIdOf(evidence, truth.extension) === conversation.agent?.id;
      if (!isTheirs)
        tally.add('wrongBytes', `recording ${id} of ${conversation.id}: ${truth ? `is ${truth.extension}'s` : sha256}`);
      delivered.set(sha256, (delivered.get(sha256) ?? 0) + 1);
    }
  }
  for (const [sha256, times] of delivered) tally.add('recordingTwice', `recording ${bySha.get(sha256)?.recordingId}`, times - 1);
  const mapped = new Set(evidence.staff.map(({ extension }) => extension));
  const broken = new Set(evidence.stories.filter(({ trouble }) => trouble !== null).flatMap(({ entryIds }) => entryIds));
  const late = tooLate(evidence);
  const erased = erasedCalls(evidence);
  for (const call of evidence.calls) {
    if (broken.has(call.entryId) || late.has(call.entryId) || erased.has(call.entryId)) continue;
    const talked = new Set(call.talks.filter((talk) => talk.with === 'customer').map(({ extension }) => extension));
    for (const { plan, sha256, extension, recordingId } of call.recordings) {
      if (plan !== 'stored' || sha256 === null || !mapped.has(extension) || !talked.has(extension)) continue;
      if (!delivered.has(sha256)) tally.add('recordingLost', `recording ${recordingId} of ${extension} in ${call.entryId}`);
    }
  }
}

// I8, I9 --------------------------------------------------------------------------------------------------------------------

function checkCommands({ calls, received }: Evidence, tally: Tally): void {
  const ordered = groupBy(
    calls.flatMap(({ commandId }) => commandId ?? []),
    (commandId) => commandId,
  );
  for (const [commandId, times] of ordered) tally.add('dialledTwice', `command ${commandId}`, times.length - 1);
  const commands = received.filter(({ path }) => path.includes('/commands/'));
  const invalid = commands.filter(({ result }) => result !== null && result >= 3000 && result < 4000);
  for (const { path, result } of invalid) tally.add('lockouts', `${path} answered ${result}`);
}

function checkDrain({ drain, inbox, files, tickets }: Evidence, tally: Tally): void {
  tally.add('inboxOld', `${drain.inboxWaiting} rows wait`, drain.inboxWaiting);
  tally.add('callsOpen', `${drain.openCalls} calls are open`, drain.openCalls);
  tally.add('workflowsRunning', `${drain.runningWorkflows} workflows run`, drain.runningWorkflows);
  tally.add('workflowsFailed', `${drain.failedWorkflows} workflows failed`, drain.failedWorkflows);
  const failed = inbox.filter(({ verdict }) => verdict === 'failed');
  tally.add('inboxOld', `${failed.length} rows failed`, failed.length);
  const ready = talksIn(tickets)
    .flatMap(({ conversation }) => recordingsOf(conversation))
    .filter(({ state }) => state === 'ready');
  const known = new Set(ready.map(({ id }) => `${id}.audio`));
  for (const name of files) if (name.endsWith('.audio') && !known.has(name)) tally.add('orphanFiles', name);
}

// I10, I11 ------------------------------------------------------------------------------------------------------------------

function checkStreams(evidence: Evidence, tally: Tally): void {
  const { streams, stories, calls, acts, orders, tickets } = evidence;
  const erased = erasedCalls(evidence);
  const phones = new Map((evidence.erasures ?? []).map(({ customerId, phone }) => [customerId, phone]));
  const byEntry = new Map(calls.map((call) => [call.entryId, call]));
  const concerned = new Map<string, Set<string | null>>();
  for (const { phone, entryIds } of stories) {
    if (phone === null) continue;
    const ends = entryIds.flatMap((id) => byEntry.get(id)?.legs ?? []).flatMap(({ from, to }) => [from, to]);
    concerned.set(phone, new Set(ends));
  }
  // Whoever orders a callback sees its card, also if the PBX refuses.
  for (const { extension, ticketId } of orders) {
    const ticket = tickets.find(({ id }) => id === ticketId);
    const phone = ticket?.phone ?? phones.get(ticket?.customer?.id ?? '');
    if (phone) concerned.get(phone)?.add(extension);
  }
  for (const { extension, events } of streams) {
    for (const { type, phone } of events) {
      if (!type.startsWith('call.') || !phone) continue;
      if (!concerned.get(phone)?.has(extension))
        tally.add('sseForeign', `${extension} was told ${type} of a call that is not theirs`);
    }
    const told = new Set(events.flatMap(({ type, actionId }) => (type.startsWith('action.') ? (actionId ?? []) : [])));
    for (const { actionId, extension: own, type, outcome, entryId } of acts) {
      // With the customer goes what a stream that broke off has not told yet.
      if (erased.has(entryId)) continue;
      if (own === extension && outcome !== null && outcome.state !== 'accepted' && !told.has(actionId))
        tally.add('sseMissing', `${extension} was never told what came of ${type} ${actionId}`);
    }
  }
}

function checkFigures(evidence: Evidence, tally: Tally): void {
  const { tickets, statistics } = evidence;
  const anonymous = erasedTickets(evidence);
  const calls = tickets.filter(({ channel }) => channel === 'call');
  const isRecorded = ({ conversation }: Told): boolean =>
    conversation.outcome === 'talked' && recordingsOf(conversation).some(({ state }) => state === 'ready');
  const replies = talksIn(calls).filter(isRecorded);
  // Figures outlive their customer: a talk counts if its recording had come before it was erased, which nobody can see now.
  const perhaps = talksIn(calls.filter((ticket) => anonymous.has(ticket))).filter(
    ({ conversation }) => conversation.outcome === 'talked',
  );
  const { load, agents } = statistics;
  const pairs: readonly (readonly [string, number | null | undefined, number, number?])[] = [
    ['newTickets', load['newTickets'], calls.length],
    ['newFromCustomers', load['newFromCustomers'], calls.filter(({ kind }) => kind === 'incoming' || kind === 'missed').length],
    ['withReply', load['withReply'], calls.filter((ticket) => talksIn([ticket]).some(isRecorded)).length, perhaps.length],
    ['totalReplies', statistics.totalReplies, replies.length, perhaps.length],
    [
      'totalReplies by agent',
      agents.reduce((sum, one) => sum + Number(one['totalReplies'] ?? 0), 0),
      replies.length,
      perhaps.length,
    ],
  ];
  for (const [name, told, counted, more = 0] of pairs)
    if (told === null || told === undefined || told < counted || told > counted + more)
      tally.add('figuresOff', `${name}: told ${told}, counted ${counted}`);
}

// What the table shows ------------------------------------------------------------------------------------------------------

/** Events of which at least one request was never answered: whether it was stored was unknown then, whatever became of the next one. */
function unknownOf({ sent }: Evidence): { readonly unknown: number; readonly recovered: number; readonly events: number } {
  const byEvent = groupBy(
    sent.filter(({ failure }) => failure !== 'lost'),
    (one) => keyOfSent(one) ?? one.path,
  );
  const unknown = [...byEvent.values()].filter((requests) => requests.some(({ status }) => status === null));
  const recovered = unknown.filter((requests) => requests.some(({ status }) => status === 200));
  return { unknown: unknown.length, recovered: recovered.length, events: byEvent.size };
}

/** More than this, and a run says little: what is unknown counts neither for nor against. */
const MOST_UNKNOWN = 0.1;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function whyVoid(evidence: Evidence): string | null {
  const { strikes, calls } = evidence;
  const kills = strikes.filter(({ kind }) => kind === 'kill');
  const landed = kills.filter(({ inFlight }) => inFlight > 0);
  if (landed.length < kills.length)
    return `${kills.length - landed.length} of ${kills.length} kills struck while nothing was under way`;
  const windows = strikes.filter(({ window }) => window !== undefined);
  const missed = windows.filter(({ isHeld }) => !isHeld);
  if (missed.length > 0)
    return `${missed.length} of ${windows.length} points could not be held open: ${missed.map(({ what }) => what).join(', ')}`;
  if (calls.length === 0) return 'no call was made';
  const { unknown, events } = unknownOf(evidence);
  return unknown > MOST_UNKNOWN * events ? `${percent(unknown / events)} of the events had a request without an answer` : null;
}

/** The values at these shares of the sorted list, and the largest. */
function ranksOf(values: readonly number[], ...shares: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  return [...shares.map((share) => sorted[Math.floor(share * sorted.length)] ?? 0), sorted.at(-1) ?? 0].join(' / ');
}

function factsForTable(evidence: Evidence): Verdict['facts'] {
  const { sent, acts, strikes, calls, stories, orders, streams, inbox, tickets } = evidence;
  const acknowledged = new Set(sent.filter(({ status }) => status === 200).flatMap((one) => keyOfSent(one) ?? []));
  const unanswered = sent.filter(({ status, failure }) => status === null && failure !== 'lost');
  const { unknown, recovered, events } = unknownOf(evidence);
  const slow = sent.filter(({ status, tookMs }) => status !== null && tookMs > SLOW_MS);
  const recoveries = strikes.flatMap(({ recoveredMs }) => recoveredMs ?? []);
  const took = sent.filter(({ status }) => status === 200).map(({ tookMs }) => tookMs);
  const waits = stories.map(({ longestWaitMs }) => Math.round(longestWaitMs / 1000));
  const random = strikes.filter(({ kind, window }) => kind === 'kill' && window === undefined);
  const killsBy = groupBy(random, ({ what }) => what);
  const windowsBy = groupBy(
    strikes.filter(({ window, isHeld }) => window !== undefined && isHeld),
    ({ window }) => window,
  );
  const othersBy = groupBy(
    strikes.filter(({ kind }) => kind === 'other'),
    ({ what }) => what,
  );
  const list = (groups: ReadonlyMap<string | undefined, readonly unknown[]>): string =>
    [...groups]
      .map(([what, all]) => `${what} × ${all.length}`)
      .sort()
      .join(', ') || 'none';
  return {
    stories: stories.length,
    calls: calls.length,
    tickets: tickets.length,
    'requests sent by the PBX': sent.length,
    'events acknowledged': acknowledged.size,
    'copies beyond the first': sent.filter(({ status }) => status === 200).length - acknowledged.size,
    'events never sent': sent.filter(({ failure }) => failure === 'lost').length,
    'requests without an answer': `${unanswered.length} (${percent(unanswered.length / Math.max(1, sent.length))})`,
    'events with such a request (unknown)': `${unknown} (${percent(unknown / Math.max(1, events))})`,
    'of these stored all the same (recovered)': recovered,
    'calls told of too late to be judged': tooLate(evidence).size,
    'refused with 503': sent.filter(({ status }) => status === 503).length,
    'rows in the inbox': inbox.length,
    'agents’ actions': acts.length,
    'actions whose answer was lost at least once': acts.filter(({ unknowns }) => unknowns > 0).length,
    'callbacks ordered': orders.length,
    'customers erased': erasedIn(evidence).size,
    'streams cut': streams.reduce((sum, { cuts }) => sum + cuts, 0),
    kills: random.length,
    'kills by target': list(killsBy),
    'kills at a point held open': list(windowsBy),
    'other faults': list(othersBy),
    'workflows that did not replay, begun anew': evidence.drain.begunAnew,
    'time to recover p50 / p95 / max (ms)': ranksOf(recoveries, 0.5, 0.95),
    'stories waited for their tickets p50 / p95 / max (s)': ranksOf(waits, 0.5, 0.95),
    'most memory by process (MB)': listOf(evidence.footprint?.peakMb),
    'disk at the end (MB)': listOf(evidence.footprint?.diskMb),
    'webhooks answered after more than 5 s': slow.length,
    'of these with its API or the way to it held up': slow.filter((one) => isHeldUp(one, evidence)).length,
    'webhook answered p50 / p99 / max (ms)': ranksOf(took, 0.5, 0.99),
  };
}

// I13 -----------------------------------------------------------------------------------------------------------------------

const SLOW_MS = 5_000;
/** Faults after which nobody is there to answer, or to bring the answer. */
const HOLDS_ANSWERS = /\bapi\d?\b|webhooks|\ball\b|^P[01] /;

/** Did such a fault strike while this request was waiting? */
function isHeldUp({ at, tookMs }: SentRecord, { strikes }: Evidence): boolean {
  return strikes.some(
    ({ what, from, to }) => HOLDS_ANSWERS.test(what) && from !== undefined && to !== undefined && from <= at && to >= at - tookMs,
  );
}

function listOf(amounts: Readonly<Record<string, number>> = {}): string {
  return (
    Object.entries(amounts)
      .map(([name, amount]) => `${name} ${amount}`)
      .join(', ') || 'not looked at'
  );
}
