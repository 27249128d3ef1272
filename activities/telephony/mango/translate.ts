import type { CommandRef, LegMessage, Party, RecordingMessage, SummaryMessage } from '../../../domain/messages.ts';
import { classifyNumber, digitsOf, serviceNumber } from '../../../domain/phone.ts';
import type { CarrierLeg, CarrierRecording, CarrierSide, CarrierSummary } from './carrier-events.ts';

/** An employee of the PBX as mapped in the settings. */
export interface Operator {
  readonly agentId: string | null;
  readonly ignored: boolean;
}

/** What has to be known beside the event itself. */
export interface Lookups {
  /** Country of numbers without a country code. */
  readonly country: string;
  operatorByExtension(extension: string): Operator | null;
  /** By a sip address or an own mobile. */
  operatorByDevice(number: string): Operator | null;
  /** The name of a number within the call. */
  refOf(number: string): number;
  commandOf(commandId: string): CommandRef['ours'];
}

/** Of every message, what its row adds. */
export interface Arrival {
  readonly inboxId: number;
  readonly receivedAt: number;
  readonly reconciled?: boolean;
}

/** Why an event does less than its reader may expect; the inspector puts it into words. */
export type Remark = 'operator_ignored' | 'operator_unmapped' | 'operator_unknown' | 'unknown_state';

export interface Translated<M> {
  readonly message: M;
  readonly remark: Remark | null;
  /** The number of the person outside, as far as this event tells (mango-api §3.12). */
  readonly customerNumber: string | null;
  readonly line: string | null;
}

interface Seen {
  readonly party: Party;
  readonly remark: Remark | null;
  /** Of a party outside. */
  readonly number: string | null;
}

/** Intercepted by another operator (mango-api §4.10): how the rings of a group end that another of it answered. */
const INTERCEPTED = 1182;

/** Null where the PBX sent a state that is not known: nothing can be said about it. */
export function translateLeg(leg: CarrierLeg, arrival: Arrival, lookups: Lookups): Translated<LegMessage> | null {
  if (leg.state === null) return null;
  const lines = [leg.from.line, leg.to.line];
  const from = seen(leg.from, 'from', lines, lookups);
  const to = leg.location === 'person' ? seen(leg.to, 'to', lines, lookups) : MACHINE;
  const command = commandRef(leg, lookups);
  return {
    message: {
      type: 'leg',
      ...arrival,
      legId: leg.legId,
      seq: leg.seq,
      state: leg.state,
      location: leg.location,
      from: from.party,
      to: to.party,
      takenFrom: leg.from.takenFrom,
      transfer: leg.transfer,
      command,
      at: leg.at ?? arrival.receivedAt,
      reason: leg.reason,
      ...(leg.reason === INTERCEPTED ? { answeredElsewhere: true } : {}),
    },
    remark: to.remark ?? from.remark,
    customerNumber: customerOfLeg(leg, from, to, command),
    line: lineOf(leg.to.line ?? leg.from.line, lookups),
  };
}

export function translateSummary(summary: CarrierSummary, arrival: Arrival, lookups: Lookups): Translated<SummaryMessage> {
  const lines = [summary.line, summary.from.line, summary.to.line];
  const from = seen(summary.from, 'from', lines, lookups);
  // An empty `to` is a call that ended in the menu (mango-api §2.4).
  const isEmpty = summary.to.extension === null && summary.to.number === null;
  const to = isEmpty ? MACHINE : seen(summary.to, 'to', lines, lookups);
  const endedAt = summary.endedAt ?? arrival.receivedAt;
  return {
    message: {
      type: 'summary',
      ...arrival,
      direction: summary.direction,
      from: from.party,
      to: to.party,
      startedAt: summary.startedAt ?? summary.talkedAt ?? endedAt,
      talkedAt: summary.talkedAt,
      endedAt,
      reason: summary.reason,
    },
    remark: null,
    customerNumber: customerOfSummary(summary, from, to),
    line: lineOf(summary.line, lookups),
  };
}

/** Null where the PBX sent a state that is not known. */
export function translateRecording(
  recording: CarrierRecording,
  arrival: Arrival,
  lookups: Lookups,
): Translated<RecordingMessage> | null {
  if (recording.state === null) return null;
  const { extension } = recording;
  const recorded = extension === null ? null : employee(extension === '' ? null : lookups.operatorByExtension(extension)).party;
  return {
    message: {
      type: 'recording',
      ...arrival,
      recordingId: recording.recordingId,
      seq: recording.seq,
      state: recording.state,
      legId: recording.legId,
      party: recorded,
      completionCode: recording.completionCode,
      recipient: recording.recipient,
    },
    remark: null,
    customerNumber: null,
    line: null,
  };
}

const MACHINE: Seen = { party: { kind: 'machine' }, remark: null, number: null };
const HIDDEN_CALLER: Seen = { party: { kind: 'outside', number: null }, remark: null, number: null };

/** Who stands at one end. An extension settles it; otherwise the number decides, and one of our own lines is never a customer. */
function seen(side: CarrierSide, end: 'from' | 'to', lines: readonly (string | null)[], lookups: Lookups): Seen {
  if (side.extension !== null) return employee(lookups.operatorByExtension(side.extension));
  if (side.number === null) return end === 'from' ? HIDDEN_CALLER : employee(null);
  const number = classifyNumber(side.number, lookups.country);
  switch (number.kind) {
    case 'hidden':
      return end === 'from' ? HIDDEN_CALLER : employee(null);
    case 'device':
      return employee(lookups.operatorByDevice(side.number));
    case 'short': {
      const digits = digitsOf(side.number);
      return colleague(lookups.operatorByExtension(digits)) ?? outside(serviceNumber(digits), lookups);
    }
    case 'pstn':
      if (isOneOf(lines, number.e164, lookups)) return end === 'to' ? MACHINE : employee(null);
      return colleague(lookups.operatorByDevice(side.number)) ?? outside(number.e164, lookups);
  }
}

function employee(operator: Operator | null): Seen {
  if (!operator) return { party: { kind: 'unmapped' }, remark: 'operator_unknown', number: null };
  if (operator.ignored) return { party: { kind: 'ignored' }, remark: 'operator_ignored', number: null };
  if (operator.agentId === null) return { party: { kind: 'unmapped' }, remark: 'operator_unmapped', number: null };
  return { party: { kind: 'agent', agentId: operator.agentId }, remark: null, number: null };
}

const colleague = (operator: Operator | null): Seen | null => operator && employee(operator);

function outside(number: string | null, lookups: Lookups): Seen {
  if (number === null) return HIDDEN_CALLER;
  return { party: { kind: 'outside', number: lookups.refOf(number) }, remark: null, number };
}

function customerOfSummary({ direction }: CarrierSummary, from: Seen, to: Seen): string | null {
  switch (direction) {
    case 'internal':
      return null;
    case 'incoming':
      return from.number;
    case 'outgoing':
      return to.number;
    case null:
      return from.party.kind === 'outside' ? from.number : to.number;
  }
}

/** A caller outside is the customer. One who is called is, unless a leg taken from another makes them the next in a transfer. */
function customerOfLeg(leg: CarrierLeg, from: Seen, to: Seen, command: CommandRef | null): string | null {
  if (from.party.kind === 'outside') return from.number;
  return leg.from.takenFrom === null || command !== null ? to.number : null;
}

/** What another system calls its command may hold a number or a name, and nobody asks for it. */
const FOREIGN: CommandRef = { commandId: 'foreign', ours: null };

/**
 * The command that caused a leg. Callbacks that another system ordered are known by who ordered them where no command is named
 * (mango-api §3.8).
 */
function commandRef({ commandId, taskId, initiator }: CarrierLeg, lookups: Lookups): CommandRef | null {
  const ours = commandId === null ? null : lookups.commandOf(commandId);
  if (commandId !== null && ours) return { commandId, ours };
  return (commandId ?? taskId ?? initiator) === null ? null : FOREIGN;
}

function lineOf(raw: string | null, lookups: Lookups): string | null {
  if (raw === null) return null;
  const number = classifyNumber(raw, lookups.country);
  return number.kind === 'pstn' ? number.e164 : raw;
}

function isOneOf(lines: readonly (string | null)[], e164: string, lookups: Lookups): boolean {
  return lines.some((line) => lineOf(line, lookups) === e164);
}
