import { randomBytes } from 'node:crypto';
import type { CallFacts, LegFacts, PbxLog } from '../facts.ts';
import { wasAnswered } from '../facts.ts';
import type { Account } from '../staff.ts';
import { sipDevice, userIdOf } from '../staff.ts';
import { isRecord } from '../wire.ts';
import type { Params, Reply } from './replies.ts';
import { Refused, json } from './replies.ts';

export interface StatisticsOptions {
  readonly account: Account;
  readonly log: PbxLog;
  readonly nowMs: () => number;
  /** A report is ready so long after it was asked for. */
  readonly readyAfterMs: number;
  /** A call that ended shows up so much later (one to two minutes on the real PBX). */
  readonly lagSeconds: number;
  readonly announce: (key: string, requestId: string | undefined) => void;
}

export interface Statistics {
  requestBasic(params: Params): Reply;
  basicResult(params: Params): Reply;
  requestExtended(params: Params): Reply;
  extendedResult(params: Params): Reply;
}

interface Report {
  readonly readyAtMs: number;
  readonly make: () => Reply;
}

const KEPT_REPORTS = 200;
const MONTH_SECONDS = 31 * 86_400;
const LIMITS: readonly number[] = [1, 5, 10, 20, 50, 100, 500, 1000, 2000, 5000];
const DEFAULT_COLUMNS =
  'records,start,finish,answer,from_extension,from_number,to_extension,to_number,disconnect_reason,line_number,location';

/** The basic report as CSV and the extended one as JSON (mango-api §4.8), from what truly happened. */
export function createStatistics(options: StatisticsOptions): Statistics {
  const reports = new Map<string, Report>();

  function start(make: () => Reply, requestId?: string): Reply {
    const key = randomBytes(12).toString('hex');
    reports.set(key, { readyAtMs: options.nowMs() + options.readyAfterMs, make });
    const [oldest] = reports.keys();
    if (reports.size > KEPT_REPORTS && oldest !== undefined) reports.delete(oldest);
    options.announce(key, requestId);
    return json({ key });
  }

  function callsWithin(from: number, to: number): CallFacts[] {
    const now = Math.floor(options.nowMs() / 1000);
    const visible = (call: CallFacts): boolean =>
      call.endedAt !== null && (options.lagSeconds === 0 || call.endedAt + options.lagSeconds <= now);
    return options.log.calls.filter((call) => visible(call) && call.startedAt >= from && call.startedAt <= to);
  }

  return {
    requestBasic(params) {
      const [from, to] = [epoch(params, 'date_from'), epoch(params, 'date_to')];
      checkSpan(from, to);
      const columns = (params.optional('fields') ?? DEFAULT_COLUMNS).split(',').map((name) => name.trim());
      const rows = (): string[] =>
        callsWithin(from, to).flatMap((call) =>
          call.legs.map((leg) => columns.map((column) => cellOf(column, call, leg, options.account)).join(';')),
        );
      return start(
        () => ({
          kind: 'csv',
          text: rows()
            .map((row) => `${row}\n`)
            .join(''),
        }),
        params.optional('request_id'),
      );
    },
    basicResult(params) {
      const report = reports.get(params.text('key'));
      if (!report) return { kind: 'empty', status: 404 };
      return options.nowMs() < report.readyAtMs ? { kind: 'empty', status: 204 } : report.make();
    },
    requestExtended(params) {
      const [from, to] = [moscow(params, 'start_date'), moscow(params, 'end_date')];
      checkSpan(from, to);
      const [limit, offset] = [Number(params.text('limit')), Number(params.text('offset'))];
      if (!LIMITS.includes(limit)) throw new Refused(3100, `limit is one of ${LIMITS.join(', ')}`);
      const page = (): unknown[] => callsWithin(from, to).slice(offset, offset + limit);
      return start(() =>
        json({
          result: 1000,
          status: 'complete',
          data: [{ list: page().map((call) => (isCall(call) ? presentCall(call, options.account) : call)) }],
        }),
      );
    },
    extendedResult(params) {
      const report = reports.get(params.text('key'));
      if (!report) return json({ result: 1000, status: 'not-found' });
      return options.nowMs() < report.readyAtMs ? json({ result: 1000, status: 'work' }) : report.make();
    },
  };
}

function isCall(value: unknown): value is CallFacts {
  return isRecord(value) && 'entryId' in value;
}

function checkSpan(from: number, to: number): void {
  if (from > to || to - from > MONTH_SECONDS) throw new Refused(3111, 'the period is empty or longer than a month');
}

function epoch(params: Params, name: string): number {
  const value = Number(params.text(name));
  if (!Number.isInteger(value)) throw new Refused(3111, `${name} is not a time`);
  return value;
}

/** «DD.MM.YYYY HH:MM:SS» is read in Moscow time. */
function moscow(params: Params, name: string): number {
  const match = /^(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)$/.exec(params.text(name));
  const at = match ? Date.parse(`${match[3]}-${match[2]}-${match[1]}T${match[4]}+03:00`) : Number.NaN;
  if (Number.isNaN(at)) throw new Refused(3111, `${name} is not DD.MM.YYYY HH:MM:SS`);
  return at / 1000;
}

function cellOf(column: string, call: CallFacts, leg: LegFacts, account: Account): string {
  const recordings = call.recordings.filter((one) => one.callId === leg.callId).map((one) => one.recordingId);
  const cells: Readonly<Record<string, string | number>> = {
    records: `[${recordings.join(',')}]`,
    start: leg.appearedAt,
    finish: leg.endedAt ?? '',
    answer: leg.answeredAt ?? 0,
    from_extension: isExtension(leg.from) ? leg.from : '',
    from_number: numberOf(leg.from, account),
    to_extension: isExtension(leg.to) ? leg.to : '',
    to_number: numberOf(leg.to, account),
    disconnect_reason: leg.reason ?? '',
    line_number: call.direction === 'internal' ? '' : (call.line ?? ''),
    location: leg.location,
    entry_id: call.entryId,
    create: call.startedAt,
  };
  return String(cells[column] ?? '');
}

const CONTEXT_TYPES = { incoming: 1, outgoing: 2, internal: 3 } as const;

function presentCall(call: CallFacts, account: Account): Record<string, unknown> {
  const talks = call.talks.filter((talk) => talk.with === 'customer');
  const operator = call.legs.map((leg) => (call.direction === 'incoming' ? leg.to : leg.from)).find(isExtension);
  return {
    entry_id: call.entryId,
    context_type: CONTEXT_TYPES[call.direction],
    context_status: wasAnswered(call) ? 1 : 0,
    caller_number: call.direction === 'incoming' ? (call.customer ?? '') : numberOf(operator ?? null, account),
    called_number: call.direction === 'incoming' ? (call.line ?? '') : (call.customer ?? ''),
    context_start_time: call.startedAt,
    duration: (call.endedAt ?? call.startedAt) - call.startedAt,
    talk_duration: talks.reduce((sum, talk) => sum + (talk.endedAt ?? talk.startedAt) - talk.startedAt, 0),
    // What the numbers mean is not in the material we have; 4 stands for a call that was ordered.
    context_init_type: call.commandId === null ? 0 : 4,
    recall_status: 0,
    context_calls: call.legs.map((leg) => presentLeg(leg, call, account)),
  };
}

function presentLeg(leg: LegFacts, call: CallFacts, account: Account): Record<string, unknown> {
  const person = [leg.to, leg.from].find(isExtension) ?? null;
  const end = leg.endedAt ?? leg.appearedAt;
  return {
    call_type: leg.location !== 'abonent' ? 'group' : person === null ? 'number' : 'user',
    call_abonent_id: person === null || leg.location !== 'abonent' ? '' : userIdOf(person, account),
    call_abonent_number: numberOf(person ?? leg.to, account),
    call_start_time: leg.appearedAt,
    call_answer_time: leg.answeredAt ?? 0,
    call_end_time: leg.endedAt ?? 0,
    call_duration: end - leg.appearedAt,
    talk_duration: leg.answeredAt === null ? 0 : end - leg.answeredAt,
    dial_duration: (leg.answeredAt ?? end) - leg.appearedAt,
    hold_duration: 0,
    call_end_reason: leg.reason ?? 0,
    recording_id: call.recordings.filter((one) => one.callId === leg.callId).map((one) => one.recordingId),
    external_call_id: leg.callId,
    BlindTransfer: leg.transfer === 'blind',
    ConsultTransfer: leg.transfer === 'consultative',
    members: [],
  };
}

function isExtension(name: string | null): name is string {
  return name !== null && name.length <= 6;
}

function numberOf(name: string | null, account: Account): string {
  if (!isExtension(name)) return name ?? '';
  return account.operators.find((one) => one.extension === name)?.device ?? sipDevice(name, account.productId);
}
