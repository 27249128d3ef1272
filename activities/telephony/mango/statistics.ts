import { setTimeout as delay } from 'node:timers/promises';
import { OutboundError, readText } from '../../outbound-http.ts';
import type { Answer, PastCall, Refusal } from '../port.ts';
import type { MangoClient } from './client.ts';
import { BASIC_FIELDS, moscowTime, readBasicReport, readExtendedReport, type ExtendedPage } from './reports.ts';
import { extensionsByUserId } from './users.ts';

export interface ReportTiming {
  readonly pollMs: number;
  /** Mango asks not to poll the basic report more often than every five seconds (mango-api §4.8). */
  readonly basicPollMs: number;
  readonly readyWithinMs: number;
}
export const REPORT_TIMING: ReportTiming = { pollMs: 2_000, basicPollMs: 5_000, readyWithinMs: 60_000 };

const PAGE = 500;
const MAX_BYTES = 64 * 1024 * 1024;
/** The quota of statistics is one request in two seconds, shared with other programs on the account. */
const PATIENCE_MS = 20_000;
const NOT_READY: Refusal = { outcome: 'busy_try_later', retryAfterMs: 60_000 };

/** Calls that began within [from, to): the extended report, or the basic one where the account has no extended one. */
export async function fetchCalls(
  client: MangoClient,
  from: Date,
  to: Date,
  timing: ReportTiming,
): Promise<Answer<readonly PastCall[]>> {
  const extended = await extendedCalls(client, from, to, timing);
  const calls = isMissing(extended) ? await basicCalls(client, from, to, timing) : extended;
  if (calls.outcome !== 'accepted') return calls;
  return { outcome: 'accepted', value: calls.value.filter((call) => call.startedAt >= from && call.startedAt < to) };
}

/** The account does not offer the report. A 3xxx is no such answer: what was wrong with one request is wrong with the next. */
function isMissing(answer: Answer<unknown>): boolean {
  if (answer.outcome !== 'refused') return false;
  return answer.code === null ? answer.word === 'pbx_misunderstood' : [2230, 4001, 5201].includes(answer.code);
}

async function extendedCalls(
  client: MangoClient,
  from: Date,
  to: Date,
  timing: ReportTiming,
): Promise<Answer<readonly PastCall[]>> {
  const extensions = await extensionsByUserId(client);
  if (extensions.outcome !== 'accepted') return extensions;
  const calls: PastCall[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const page = await extendedPage(
      client,
      { start_date: moscowTime(from), end_date: moscowTime(to), limit: PAGE, offset },
      timing,
    );
    if (page.outcome !== 'accepted') return page;
    const { entries, calls: read } = readExtendedReport(page.value, extensions.value);
    calls.push(...read);
    if (entries < PAGE) return { outcome: 'accepted', value: calls };
  }
}

async function extendedPage(
  client: MangoClient,
  params: Readonly<Record<string, unknown>>,
  timing: ReportTiming,
): Promise<Answer<ExtendedPage>> {
  const started = await client.ask({
    path: '/vpbx/stats/calls/request/',
    group: 'stats_request',
    params,
    patienceMs: PATIENCE_MS,
  });
  if (started.outcome !== 'accepted') return started;
  const { key } = started.value.body;
  if (typeof key !== 'string' || key === '') return { outcome: 'unknown', word: 'pbx_misunderstood' };
  const deadline = Date.now() + timing.readyWithinMs;
  while (Date.now() < deadline) {
    await delay(timing.pollMs);
    const result = await client.ask({
      path: '/vpbx/stats/calls/result/',
      group: 'stats_result',
      params: { key },
      patienceMs: PATIENCE_MS,
      maxBytes: MAX_BYTES,
    });
    if (result.outcome === 'refused' || result.outcome === 'locked_out') return result;
    if (result.outcome !== 'accepted') continue;
    const { status, data } = result.value.body;
    if (status === 'complete' || (status === undefined && data !== undefined)) return { outcome: 'accepted', value: data };
    if (status === 'error' || status === 'cancel' || status === 'not-found')
      return { outcome: 'refused', code: null, word: 'pbx_error' };
  }
  return NOT_READY;
}

async function basicCalls(client: MangoClient, from: Date, to: Date, timing: ReportTiming): Promise<Answer<readonly PastCall[]>> {
  const seconds = (time: Date): string => String(Math.floor(time.getTime() / 1000));
  const started = await client.ask({
    path: '/vpbx/stats/request',
    group: 'stats_request',
    params: { date_from: seconds(from), date_to: seconds(to), fields: BASIC_FIELDS.join(',') },
    patienceMs: PATIENCE_MS,
  });
  if (started.outcome !== 'accepted') return started;
  const { key } = started.value.body;
  if (typeof key !== 'string' || key === '') return { outcome: 'unknown', word: 'pbx_misunderstood' };
  const deadline = Date.now() + timing.readyWithinMs;
  while (Date.now() < deadline) {
    await delay(timing.basicPollMs);
    const csv = await basicResult(client, key);
    if (csv === null) continue;
    return csv.outcome === 'accepted' ? { outcome: 'accepted', value: readBasicReport(csv.value) } : csv;
  }
  return NOT_READY;
}

/** Null while the report is being made (204). */
async function basicResult(client: MangoClient, key: string): Promise<Answer<string> | null> {
  const result = await client.open({
    path: '/vpbx/stats/result',
    group: 'stats_result',
    params: { key },
    patienceMs: PATIENCE_MS,
  });
  if (result.outcome === 'busy_try_later' || result.outcome === 'unknown') return null;
  if (result.outcome !== 'accepted') return result;
  const answer = result.value;
  if (answer.status !== 200) {
    answer.body.destroy();
    return answer.status === 204 ? null : { outcome: 'refused', code: null, word: 'pbx_misunderstood' };
  }
  try {
    return { outcome: 'accepted', value: await readText(answer, { maxBytes: MAX_BYTES, withinMs: 60_000 }) };
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return { outcome: 'unknown', word: 'answer_lost' };
  }
}
