import type { ActRecord, CallRecord, Evidence, StoryRecord } from './evidence.ts';

/**
 * What ought to stand in the tickets of one customer, reckoned slowly and from the specification alone: S1–S19 and its decided points.
 * Undefined means that the specification leaves it open, or that it hangs on something a checker cannot know.
 */
export interface ExpectedTicket {
  readonly kind: 'incoming' | 'outgoing' | 'missed';
  /** Undefined: whatever it is. */
  subject: string | undefined;
  status: 'open' | 'pending' | 'closed';
  assignee: string | null | undefined;
  missedCount: number;
  readonly entries: ExpectedEntry[];
  /** For missed calls: has anybody talked with the customer since the last one in it? */
  talkedSince: boolean;
}

export interface ExpectedEntry {
  readonly outcome: 'talked' | 'missed' | 'unanswered';
  /** The agent's extension. */
  readonly agent: string | null | undefined;
  readonly body: string | undefined;
  readonly entryId: string;
}

interface Talk {
  readonly extension: string;
  readonly isMapped: boolean;
}

interface Typed {
  readonly type: 'create' | 'link' | 'draft';
  readonly subject: string;
  readonly gist: string;
}

export interface Facts {
  readonly staff: ReadonlySet<string>;
  readonly calls: ReadonlyMap<string, CallRecord>;
  readonly acts: readonly ActRecord[];
  readonly orders: Evidence['orders'];
}

export function factsOf(evidence: Evidence): Facts {
  return {
    staff: new Set(evidence.staff.map(({ extension }) => extension)),
    calls: new Map(evidence.calls.map((call) => [call.entryId, call])),
    acts: evidence.acts,
    orders: evidence.orders,
  };
}

export function expectedTickets(story: StoryRecord, facts: Facts): ExpectedTicket[] {
  const tickets: ExpectedTicket[] = [];
  for (const entryId of story.entryIds) {
    const call = facts.calls.get(entryId);
    if (!call || call.direction === 'internal') continue;
    if (call.direction === 'incoming') incoming(call, story.phone, tickets, facts);
    else outgoing(call, story.phone, tickets, facts);
  }
  return tickets;
}

/** As they are when the customer has been erased: what was said stays without the number, and without what was typed where that goes too. */
export function withoutCustomer(tickets: readonly ExpectedTicket[], texts: 'erase' | 'keep', phone: string): ExpectedTicket[] {
  const isKept = (subject: string | undefined): boolean => texts === 'keep' && !subject?.includes(written(phone));
  return tickets.map(({ subject, entries, ...rest }) => ({
    ...rest,
    subject: isKept(subject) ? subject : undefined,
    entries: texts === 'keep' ? entries : entries.map((entry) => ({ ...entry, body: entry.body === undefined ? undefined : '' })),
  }));
}

function incoming(call: CallRecord, phone: string | null, tickets: ExpectedTicket[], facts: Facts): void {
  const talks = talksOf(call, facts);
  const lost = lostAfterTransfer(call, facts);
  talks.forEach((talk, index) => {
    if (!talk.isMapped) return;
    const next = talks[index + 1];
    const handedOver = next ? next.isMapped : lost !== undefined;
    conversation(call, talk.extension, phone, handedOver ? 'closed' : 'open', tickets, facts);
  });
  if (talks.length > 0 && lost !== undefined) missed(call, [lost], phone, tickets);
  if (talks.length > 0) return;
  const rung = call.legs
    .filter(({ location, to }) => location === 'abonent' && to !== null && facts.staff.has(to))
    .map(({ to }) => to ?? '');
  if (rung.length > 0) missed(call, [...new Set(rung)], phone, tickets);
}

function outgoing(call: CallRecord, phone: string | null, tickets: ExpectedTicket[], facts: Facts): void {
  const order = facts.orders.find(({ entryId }) => entryId === call.entryId);
  const [talk] = talksOf(call, facts);
  if (order) return calledBack(call, order.extension, talk !== undefined, tickets, facts);
  const dialler = call.legs[0]?.from ?? '';
  if (!facts.staff.has(dialler)) return;
  if (talk) return conversation(call, talk.extension, phone, 'closed', tickets, facts);
  const attempt = { outcome: 'unanswered', agent: dialler, body: undefined, entryId: call.entryId } as const;
  const waiting = tickets.findLast(({ kind, status }) => kind === 'missed' && status === 'open');
  if (waiting) return void waiting.entries.push(attempt);
  tickets.push({
    kind: 'outgoing',
    subject: standardSubject('Исходящий звонок на', phone),
    status: 'closed',
    assignee: dialler,
    missedCount: 0,
    entries: [attempt],
    talkedSince: false,
  });
}

/** S8, S9, S17, S18в: from the customer's last ticket, as the stories do it. */
function calledBack(call: CallRecord, extension: string, talked: boolean, tickets: ExpectedTicket[], facts: Facts): void {
  const pickedUp = call.legs.some(({ from, to }) => from === extension && to === call.customer);
  const ticket = tickets.at(-1);
  if (!pickedUp || !ticket) return;
  if (!talked)
    return void ticket.entries.push({ outcome: 'unanswered', agent: extension, body: undefined, entryId: call.entryId });
  const typed = typedIn(call, extension, facts);
  ticket.entries.push({ outcome: 'talked', agent: extension, body: typed?.gist ?? '', entryId: call.entryId });
  ticket.status = 'pending';
  ticket.assignee = undefined;
  noteTalk(tickets);
}

function conversation(
  call: CallRecord,
  extension: string,
  phone: string | null,
  untouched: 'open' | 'closed',
  tickets: ExpectedTicket[],
  facts: Facts,
): void {
  const typed = typedIn(call, extension, facts);
  const entry: ExpectedEntry = { outcome: 'talked', agent: extension, body: typed?.gist ?? '', entryId: call.entryId };
  const linked = typed?.type === 'link' ? tickets.findLast(({ kind }) => kind === 'missed') : undefined;
  if (linked) {
    linked.entries.push(entry);
    linked.status = 'pending';
    // Nobody says whose a ticket is after a colleague's talk in it.
    linked.assignee = undefined;
    return noteTalk(tickets);
  }
  if (typed?.type === 'create') {
    for (const ticket of tickets) if (ticket.kind === 'missed' && ticket.status === 'open') ticket.status = 'closed';
  }
  const words = call.direction === 'incoming' ? 'Входящий звонок' : 'Исходящий звонок';
  const preposition = call.direction === 'incoming' ? 'с' : 'на';
  tickets.push({
    kind: call.direction === 'incoming' ? 'incoming' : 'outgoing',
    subject: typed?.subject || standardSubject(`${words} ${preposition}`, phone),
    status: typed ? 'pending' : untouched,
    assignee: extension,
    missedCount: 0,
    entries: [entry],
    talkedSince: false,
  });
  noteTalk(tickets);
}

function missed(call: CallRecord, rung: readonly string[], phone: string | null, tickets: ExpectedTicket[]): void {
  const only = rung.length === 1 ? rung[0] : undefined;
  const entry: ExpectedEntry = { outcome: 'missed', agent: undefined, body: undefined, entryId: call.entryId };
  const known = phone === null ? undefined : tickets.findLast(({ kind, talkedSince }) => kind === 'missed' && !talkedSince);
  if (known) {
    known.entries.push(entry);
    known.missedCount += 1;
    known.status = 'open';
    known.assignee = undefined;
    return;
  }
  tickets.push({
    kind: 'missed',
    subject: standardSubject('Пропущенный звонок с', phone),
    status: 'open',
    assignee: only ?? null,
    missedCount: 1,
    entries: [entry],
    talkedSince: false,
  });
}

function noteTalk(tickets: readonly ExpectedTicket[]): void {
  for (const ticket of tickets) if (ticket.kind === 'missed') ticket.talkedSince = true;
}

/** With the customer, in order; one person's talks without another's between them are one. */
function talksOf(call: CallRecord, { staff }: Facts): Talk[] {
  const talks: Talk[] = [];
  for (const { extension, with: other } of call.talks) {
    if (other !== 'customer' || talks.at(-1)?.extension === extension) continue;
    talks.push({ extension, isMapped: staff.has(extension) });
  }
  return talks;
}

/** The agent to whom the customer was sent, who did not answer, and after whom nobody did. */
function lostAfterTransfer(call: CallRecord, { staff }: Facts): string | undefined {
  const last = call.legs.filter(({ location }) => location === 'abonent').at(-1);
  if (!last || last.transfer !== 'blind' || last.answeredAt !== null) return undefined;
  return last.to !== null && staff.has(last.to) ? last.to : undefined;
}

/** What the agent did in this conversation, as far as it took effect. */
function typedIn(call: CallRecord, extension: string, { acts }: Facts): Typed | undefined {
  const done = acts.filter((act) => act.entryId === call.entryId && act.extension === extension && act.outcome?.state === 'done');
  const act = done.find(({ type }) => type !== 'save_draft') ?? done.at(-1);
  if (!act) return undefined;
  const type = ({ create_ticket: 'create', link_ticket: 'link', save_draft: 'draft' } as const)[act.type];
  return { type, subject: act.subject, gist: act.gist };
}

export function standardSubject(words: string, phone: string | null): string {
  if (phone === null)
    return words.replace(/ (с|на)$/, (_all, preposition) => (preposition === 'с' ? ' со скрытого номера' : ' на скрытый номер'));
  return `${words} +7 ${written(phone)}`;
}

/** A number of this country without its code, as people write it. */
function written(phone: string): string {
  const digits = phone.slice(2);
  return `${digits.slice(0, 3)} ${digits.slice(3, 6)}-${digits.slice(6, 8)}-${digits.slice(8)}`;
}
