import { Router, type Request, type Response } from 'express';
import type { IncomingMessage } from 'node:http';
import type pg from 'pg';
import { FormError, parseMangoForm, type MangoForm } from '../../activities/telephony/mango/form.ts';
import { isSignedBy } from '../../activities/telephony/mango/signature.ts';
import { signatureFault } from '../../activities/telephony/mango/signature-faults.ts';
import { canonicalPath, parseWebhook, type Webhook } from '../../activities/telephony/mango/webhooks.ts';
import {
  createLastEventNote,
  createRefusalRecord,
  createSigningAccounts,
  INTAKE_DEADLINE_MS,
  REFUSALS_PER_SECOND,
  storeEvent,
  type SigningAccount,
  type SigningAccounts,
} from '../../db/intake.ts';
import type { Logger } from '../../db/log.ts';
import type { Secrets } from '../../db/secrets.ts';
import type { Tracing } from '../../db/tracing.ts';
import type { EventVerdict } from '../event-counts.ts';
import { ProblemError, sendProblem, type ProblemDetails } from '../problems.ts';

export interface MangoRouterDeps {
  /** From `createIntakePool`: shared with nothing else. */
  readonly pool: pg.Pool;
  readonly secrets: Secrets;
  readonly log: Logger;
  readonly deadlineMs?: number;
  readonly refusalsPerSecond?: number;
  readonly count?: (verdict: EventVerdict) => void;
  readonly tracing?: Tracing | undefined;
}

const MAX_BYTES = 256 * 1024;
/** A sender that ignores the limit is heard out so far, so that it can read the answer. */
const MAX_DISCARDED_BYTES = 4 * 1024 * 1024;
const BODY_PATIENCE_MS = 10_000;
/** Requests waiting for the database at one time; beyond that the answer is 503 at once. */
const MAX_WAITING = 1_000;
const MAX_KEY_LENGTH = 512;

type RefusalReason = 'missing_signature' | 'bad_signature' | 'unknown_key' | 'malformed' | 'too_large' | 'not_a_form';

const CODE_OF = {
  missing_signature: 'bad_signature',
  bad_signature: 'bad_signature',
  unknown_key: 'bad_signature',
  malformed: 'invalid_request',
  too_large: 'too_large',
  not_a_form: 'unsupported_type',
} as const;

/** A request that changes nothing and is remembered for the inspector. */
class RefusedWebhook extends ProblemError {
  readonly reason: RefusalReason;
  readonly integrationId: string | null;
  /** More of why, for whoever mends it; asked for only where it is remembered. */
  readonly findWhy: (() => Promise<string | null>) | undefined;
  constructor(
    reason: RefusalReason,
    details: ProblemDetails = {},
    integrationId: string | null = null,
    findWhy?: () => Promise<string | null>,
  ) {
    super(CODE_OF[reason], details);
    this.reason = reason;
    this.integrationId = integrationId;
    this.findWhy = findWhy;
  }
}

/** The paths that PBXs have are words; whatever else somebody put there is for the inspector alone, which hides numbers. */
const loggable = (path: string): string => (/^[a-z_/]{1,60}$/.test(path) ? path : 'other');

/** The sender went away or was too slow: there is nobody to answer. */
class SenderGone extends Error {
  override readonly name = 'SenderGone';
}

/**
 * The one door for what the PBX sends. 200 says that the event is committed and flushed, or that it was before; until then nothing
 * but Postgres is asked.
 */
export function createMangoRouter(deps: MangoRouterDeps): Router {
  const { pool, log } = deps;
  const accounts = createSigningAccounts(pool, deps.secrets);
  const recordRefusal = createRefusalRecord(pool, deps.refusalsPerSecond ?? REFUSALS_PER_SECOND);
  const noteEvent = createLastEventNote(pool);
  let waiting = 0;

  async function take(request: Request, path: string): Promise<void> {
    const form = parseForm(await readBody(request));
    if (waiting >= MAX_WAITING) throw new ProblemError('overloaded', { retryAfterSeconds: 2 });
    waiting += 1;
    const work = store(path, form).finally(() => (waiting -= 1));
    noteEvent(await withinDeadline(work, deps.deadlineMs ?? INTAKE_DEADLINE_MS));
  }

  async function store(path: string, form: MangoForm): Promise<string> {
    const account = await signingAccount(accounts, form);
    const json = form.json ?? '';
    const webhook = readWebhook(path, json, account);
    const event = { ...webhook, integrationId: account.integrationId, path, raw: json };
    const keep = () => storeEvent(pool, event);
    const stored =
      deps.tracing && event.entry !== null ? await deps.tracing.inCall(`webhook ${path}`, event.entry, {}, keep) : await keep();
    deps.count?.(stored);
    return account.integrationId;
  }

  function refuse(request: Request, response: Response, path: string, error: unknown): void {
    if (error instanceof SenderGone) {
      request.socket.destroy();
      return;
    }
    const problem =
      error instanceof ProblemError ? error : new ProblemError('storage_unavailable', { retryAfterSeconds: 2 }, error);
    deps.count?.(problem instanceof RefusedWebhook ? 'refused' : 'not_stored');
    if (problem instanceof RefusedWebhook) {
      const { reason, integrationId, findWhy } = problem;
      log.warn({ reason, path: loggable(path), integrationId }, 'Refused a webhook');
      const detail = { errors: problem.details.errors ?? [] };
      const address = request.ip ?? null;
      recordRefusal({ path, reason, integrationId, address, detail, ...(findWhy ? { findWhy } : {}) });
    } else {
      log.error({ path: loggable(path), code: problem.code, err: problem.cause }, 'Could not store a webhook');
    }
    if (!request.complete) response.setHeader('Connection', 'close');
    sendProblem(response, problem);
  }

  return Router().use(async (request: Request, response: Response) => {
    const path = canonicalPath(request.path);
    const allowed = path === '/ping' ? ['GET', 'HEAD', 'POST'] : ['POST'];
    if (!allowed.includes(request.method)) {
      sendProblem(response, new ProblemError('method_not_allowed', { headers: { Allow: allowed.join(', ') } }));
      return;
    }
    if (path === '/ping') {
      response.status(200).json({ success: true });
      return;
    }
    try {
      await take(request, path);
      response.status(200).json({ success: true });
    } catch (error) {
      refuse(request, response, path, error);
    }
  });
}

async function signingAccount(accounts: SigningAccounts, form: MangoForm): Promise<SigningAccount> {
  const { key, sign, json } = form;
  const known = key && key.length <= MAX_KEY_LENGTH ? await accounts.find(key) : null;
  if (!sign) {
    throw new RefusedWebhook('missing_signature', namedField('sign', 'missing', 'is missing'), known?.integrationId);
  }
  if (!key || !known) {
    const errors = namedField('vpbx_api_key', 'unknown_key', 'is of no account here');
    throw new RefusedWebhook('unknown_key', errors, null, () => keyFault(accounts, form, sign));
  }
  if (isSignedBy(key, json ?? '', known.salt, sign)) return known;
  const fresh = await accounts.find(key, { fresh: true });
  if (fresh && isSignedBy(key, json ?? '', fresh.salt, sign)) return fresh;
  throw new RefusedWebhook(
    'bad_signature',
    namedField('sign', 'bad_signature', 'does not fit key and json'),
    known.integrationId,
    async () => {
      const others = (await accounts.all()).filter(({ integrationId }) => integrationId !== known.integrationId);
      return signatureFault(
        { key, json: json ?? '', sign },
        (fresh ?? known).salt,
        others.map(({ salt }) => salt),
      );
    },
  );
}

/** Of a key that no account here has: whether that is likely a slip of the pen, and whose. */
async function keyFault(accounts: SigningAccounts, { key, json }: MangoForm, sign: string): Promise<string> {
  if (!key) return 'no_key';
  if (key.length > MAX_KEY_LENGTH) return 'no_such_key';
  if (await accounts.wasRemoved(key)) return 'account_removed';
  if (key !== key.trim() && (await accounts.find(key.trim()))) return 'key_with_spaces';
  const fits = (await accounts.all()).some(({ salt }) => isSignedBy(key, json ?? '', salt, sign.toLowerCase()));
  return fits ? 'key_differs_salt_fits' : 'no_such_key';
}

function readWebhook(path: string, json: string, account: SigningAccount): Webhook {
  const parsed = parseWebhook(path, json);
  if ('webhook' in parsed) return parsed.webhook;
  const errors = parsed.errors.map((error) => ({ ...error, code: 'invalid' }));
  throw new RefusedWebhook('malformed', { errors }, account.integrationId);
}

function parseForm(body: Buffer): MangoForm {
  try {
    return parseMangoForm(body);
  } catch (error) {
    if (error instanceof FormError) throw new RefusedWebhook('malformed', namedField(error.field, 'invalid', error.message));
    throw error;
  }
}

function namedField(field: string, code: string, message: string): ProblemDetails {
  return { errors: [{ field, code, message }] };
}

async function readBody(request: Request): Promise<Buffer> {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice('charset='.length)
    .replaceAll('"', '');
  const isForm = type === 'application/x-www-form-urlencoded' && ['utf-8', 'utf8', undefined].includes(charset);
  const isPlain = ['identity', undefined].includes(request.headers['content-encoding']);
  if (!isForm || !isPlain) throw new RefusedWebhook('not_a_form');
  return readBytes(request);
}

/** The whole body; one over the limit is read on for a while and thrown away. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    const give = (outcome: () => void): void => {
      clearTimeout(timer);
      request.removeAllListeners('data');
      outcome();
    };
    const timer = setTimeout(() => give(() => reject(new SenderGone())), BODY_PATIENCE_MS);
    const tooLarge = (): void => reject(new RefusedWebhook('too_large'));
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BYTES) chunks.push(chunk);
      else chunks = [];
      if (bytes > MAX_DISCARDED_BYTES) give(tooLarge);
    });
    request.once('end', () => give(() => (bytes > MAX_BYTES ? tooLarge() : resolve(Buffer.concat(chunks)))));
    request.once('error', () => give(() => reject(new SenderGone())));
    request.once('close', () => give(() => reject(new SenderGone())));
  });
}

/** Whatever the database does: after the deadline the sender hears 503. An event that is stored after all is then a repeat. */
async function withinDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ProblemError('storage_unavailable', { retryAfterSeconds: 2 })), deadlineMs);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
