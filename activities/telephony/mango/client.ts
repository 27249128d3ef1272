import { createHmac } from 'node:crypto';
import type { Db } from '../../../db/pool.ts';
import { maskNumbersIn, type Logger } from '../../../db/log.ts';
import { createOutbound, OutboundError, readText, type Outbound, type OutboundAnswer } from '../../outbound-http.ts';
import type { Answer, Refusal } from '../port.ts';
import { pauseSlots, takeSlot, type MethodGroup } from './limits.ts';
import { recentBadAnswers, rememberBadAnswer } from './bad-answers.ts';
import { verdictOn } from './lockout.ts';
import { readReply, type MangoReply } from './reply.ts';
import { mangoSignature } from './signature.ts';

export interface MangoAccount {
  readonly integrationId: string;
  /** Base address, with or without the closing `/vpbx/`. */
  readonly apiUrl: string;
  readonly key: string;
  readonly salt: string;
  /** The address comes from the environment or is the demo PBX's: it may be a private one. */
  readonly isTrusted: boolean;
}

export interface MangoTiming {
  /** How long the PBX may take to answer. */
  readonly answerWithinMs: number;
  /** How long a full quota is waited for, unless the order says otherwise. */
  readonly patienceMs: number;
  /** Pause of everybody after the PBX said 429. */
  readonly tooManyPauseMs: number;
  /** Mango's two minutes, and some seconds for the difference of clocks. */
  readonly lockoutMs: number;
}
export const MANGO_TIMING: MangoTiming = { answerWithinMs: 5_000, patienceMs: 5_000, tooManyPauseMs: 1_000, lockoutMs: 122_000 };

export interface MangoRequest {
  /** Below the base address, beginning with `/vpbx/`. */
  readonly path: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly group: MethodGroup;
  readonly patienceMs?: number | undefined;
  readonly maxBytes?: number;
}

type Done = Extract<MangoReply, { kind: 'done' }>;

export interface MangoClient {
  /** A request that is answered with JSON. */
  ask(request: MangoRequest): Promise<Answer<Done>>;
  /** A request that is answered with a redirect or a file; a JSON answer is understood as a refusal, if it is one. */
  open(request: MangoRequest, signal?: AbortSignal): Promise<Answer<OutboundAnswer>>;
  readonly outbound: Outbound;
}

type Attempt = Answer<{ readonly reply: Done | null; readonly answer: OutboundAnswer }> | { readonly outcome: 'too_many' };

const MAX_JSON_BYTES = 1024 * 1024;

/** Speaks Mango's protocol: signs, keeps to the quota and the lock-out, and turns whatever comes back into an outcome. */
export function createMangoClient(deps: {
  readonly db: Db;
  readonly log: Logger;
  readonly account: MangoAccount;
  readonly timing?: Partial<MangoTiming>;
}): MangoClient {
  const { db, log, account } = deps;
  const timing = { ...MANGO_TIMING, ...deps.timing };
  const base = new URL(account.apiUrl);
  const outbound = createOutbound({ trustedOrigins: account.isTrusted ? [base.origin] : [] });
  const credentialsHash = keyedHash(account, 'credentials');

  /** Sends within quota and lock-out; a 429 is tried again for as long as patience lasts. */
  async function exchange(
    request: MangoRequest,
    accepts: 'json' | 'file',
    signal?: AbortSignal,
  ): Promise<Exclude<Attempt, { outcome: 'too_many' }>> {
    const patienceMs = request.patienceMs ?? timing.patienceMs;
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const blocked = await blockedBy(request);
      if (blocked) return blocked;
      const slot = await takeSlot(db, account.integrationId, request.group, Math.max(0, deadline - Date.now()));
      if (!slot.granted) return { outcome: 'busy_try_later', retryAfterMs: slot.retryAfterMs };
      const late = slot.waitedMs > 0 ? await blockedBy(request) : null;
      if (late) return late;
      const attempt = await attemptOnce(request, accepts, signal);
      if (attempt.outcome !== 'too_many') return attempt;
      await pauseSlots(db, account.integrationId, request.group, timing.tooManyPauseMs);
      if (Date.now() + timing.tooManyPauseMs > deadline)
        return { outcome: 'busy_try_later', retryAfterMs: timing.tooManyPauseMs };
    }
  }

  async function blockedBy(request: MangoRequest): Promise<Refusal | null> {
    const { recent, notFoundCounts } = await recentBadAnswers(db, account.integrationId, timing.lockoutMs);
    const intended = { method: request.group, requestHash: requestHash(account, request), credentialsHash };
    const verdict = verdictOn(intended, recent, { windowMs: timing.lockoutMs, notFoundCounts });
    switch (verdict.kind) {
      case 'go':
        return null;
      case 'wait':
        return { outcome: 'locked_out', untilMs: verdict.untilMs };
      case 'same':
        return { outcome: 'refused', code: verdict.code, word: verdict.word };
    }
  }

  async function attemptOnce(request: MangoRequest, accepts: 'json' | 'file', signal?: AbortSignal): Promise<Attempt> {
    const json = JSON.stringify(request.params);
    const sign = mangoSignature(account.key, json, account.salt);
    try {
      const answer = await outbound.send({
        method: 'POST',
        url: endpoint(base, request.path),
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', accept: 'application/json, */*' },
        body: new URLSearchParams({ vpbx_api_key: account.key, sign, json }).toString(),
        answerWithinMs: timing.answerWithinMs,
        signal,
      });
      if (accepts === 'file' && isFile(answer)) return { outcome: 'accepted', value: { reply: null, answer } };
      const text = await readText(answer, { maxBytes: request.maxBytes ?? MAX_JSON_BYTES, withinMs: timing.answerWithinMs });
      return await judge(request, readReply(answer.status, text), answer);
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      log.warn(
        { integrationId: account.integrationId, path: request.path, failure: error.kind, err: withoutNumbers(error) },
        'the PBX gave no answer',
      );
      if (error.kind === 'forbidden') return { outcome: 'refused', code: null, word: 'address_forbidden' };
      return error.sent
        ? { outcome: 'unknown', word: 'answer_lost' }
        : { outcome: 'refused', code: null, word: 'pbx_unreachable' };
    }
  }

  async function judge(request: MangoRequest, reply: MangoReply, answer: OutboundAnswer): Promise<Attempt> {
    const note = (kind: 'invalid' | 'not_found' | 'locked', code: number | null): Promise<void> =>
      rememberBadAnswer(db, account.integrationId, timing.lockoutMs, {
        kind,
        method: request.group,
        code,
        requestHash: requestHash(account, request),
        credentialsHash,
      });
    if (reply.kind !== 'done') {
      const code = 'code' in reply ? reply.code : null;
      log.warn(
        { integrationId: account.integrationId, path: request.path, status: answer.status, reply: reply.kind, code },
        'the PBX said no',
      );
    }
    switch (reply.kind) {
      case 'done':
        return { outcome: 'accepted', value: { reply, answer } };
      case 'refused':
        return { outcome: 'refused', code: reply.code, word: reply.word };
      case 'invalid':
        await note(isMissingRecording(request, reply.code) ? 'not_found' : 'invalid', reply.code);
        return { outcome: 'refused', code: reply.code, word: reply.word };
      case 'locked_out': {
        await note('locked', null);
        return (await blockedBy(request)) ?? { outcome: 'locked_out', untilMs: Date.now() + timing.lockoutMs };
      }
      case 'too_many':
        return { outcome: 'too_many' };
      case 'unclear':
        return { outcome: 'unknown', word: 'pbx_misunderstood' };
    }
  }

  return {
    outbound,
    async ask(request) {
      const result = await exchange(request, 'json');
      if (result.outcome !== 'accepted') return result;
      return result.value.reply
        ? { outcome: 'accepted', value: result.value.reply }
        : { outcome: 'unknown', word: 'pbx_misunderstood' };
    },
    async open(request, signal) {
      const result = await exchange(request, 'file', signal);
      if (result.outcome !== 'accepted') return result;
      return result.value.reply
        ? { outcome: 'unknown', word: 'pbx_misunderstood' }
        : { outcome: 'accepted', value: result.value.answer };
    },
  };
}

/** `/vpbx/…` stands below the base address, whether that is written with or without `/vpbx/` itself. */
export function endpoint(base: URL, path: string): URL {
  const prefix = base.pathname.replace(/\/+$/, '').replace(/\/vpbx$/, '');
  return new URL(prefix + path, base.origin);
}

const isFile = (answer: OutboundAnswer): boolean =>
  (answer.status >= 300 && answer.status < 400) ||
  answer.status === 204 ||
  (answer.status === 200 && !/json/i.test(answer.headers['content-type'] ?? ''));

const MISSING = new Set([3320, 3340]);
const isMissingRecording = (request: MangoRequest, code: number): boolean => request.group === 'recording' && MISSING.has(code);

/** Keyed, so that a number cannot be guessed back from the table. */
const keyedHash = (account: MangoAccount, text: string): string =>
  createHmac('sha256', account.salt).update(account.key).update('\0').update(text).digest('hex').slice(0, 32);

/** A command's own id makes no other request of it. */
function requestHash(account: MangoAccount, request: MangoRequest): string {
  const { command_id: _, ...params } = request.params;
  return keyedHash(account, request.path + JSON.stringify(params));
}

function withoutNumbers(error: Error): { readonly message: string; readonly cause: string | undefined } {
  const cause = error.cause instanceof Error ? maskNumbersIn(error.cause.message) : undefined;
  return { message: maskNumbersIn(error.message), cause };
}
