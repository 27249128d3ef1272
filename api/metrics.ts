import { timingSafeEqual, createHash } from 'node:crypto';
import { Router, type Request } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './problems.ts';
import type { Observed } from './request-log.ts';
import { readSession } from './session-cookie.ts';

export interface Metrics {
  observe(request: Observed): void;
  readonly router: Router;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The machine itself, and not somebody whom a proxy on it lets through. */
function isLocal(request: Request): boolean {
  const address = request.socket.remoteAddress ?? '';
  const direct = request.headers['x-forwarded-for'] === undefined && request.headers.forwarded === undefined;
  return direct && /^(127\.|::1$|::ffff:127\.)/.test(address);
}

function hasToken(request: Request, token: string | undefined): boolean {
  const given = /^Bearer (.+)$/.exec(request.get('authorization') ?? '')?.[1];
  return token !== undefined && given !== undefined && timingSafeEqual(digest(given), digest(token));
}

async function checkReader(deps: ApiDeps, request: Request): Promise<void> {
  if (isLocal(request) || hasToken(request, deps.config.metricsToken)) return;
  const signedIn = await readSession(deps, request);
  if (!signedIn) throw new ProblemError('not_signed_in');
  if (signedIn.role !== 'admin') throw new ProblemError('not_allowed');
  if (signedIn.secondFactorMissing) throw new ProblemError('second_factor_required');
}

const GAUGES_SQL = `select
  (select count(*) from inbox where delivered_at is null and entry is not null) as inbox_waiting,
  (select coalesce(extract(epoch from now() - min(received_at)), 0) from inbox where delivered_at is null and entry is not null) as inbox_oldest,
  (select count(*) from calls where state <> 'over') as calls_open,
  (select count(*) from recordings where state = 'pending') as recordings_pending`;

/** From the event that made a ticket to the ticket, over those that calls made in the last five minutes. */
const LAG_SQL = `select count(*) as tickets, coalesce(percentile_cont(0.5) within group (order by lag), 0) as median, coalesce(max(lag), 0) as longest
  from (select extract(epoch from t.created_at - max(i.received_at)) as lag
    from tickets t join messages m on m.ticket_id = t.id join conversations v on v.id = m.conversation_id join calls c on c.id = v.call_id
      join inbox i on i.entry = c.entry_id and i.received_at <= t.created_at
    where t.created_at > now() - interval '5 minutes' group by t.id) as recent`;

/** Prometheus: this process, its requests, and what waits in the database. */
export function createMetrics(deps: ApiDeps): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'trubka_http_request_duration_seconds',
    help: 'Requests by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const failures = new Counter({ name: 'trubka_http_failures_total', help: 'Requests answered with 5xx', registers });
  new Gauge({
    name: 'trubka_stream_clients',
    help: 'Open event streams of this process',
    registers,
    collect() {
      this.set(deps.events.connections);
    },
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const waiting = gauge('trubka_inbox_waiting', 'Events and actions not yet delivered to a workflow');
  const oldest = gauge('trubka_inbox_oldest_seconds', 'Age of the oldest of them');
  new Counter({
    name: 'trubka_events_total',
    help: 'Requests of the PBX by what became of them',
    labelNames: ['verdict'],
    registers,
    collect() {
      this.reset();
      for (const [verdict, count] of Object.entries(deps.eventCounts?.counts ?? {})) this.inc({ verdict }, count);
    },
  });
  const lag = new Gauge({
    name: 'trubka_ticket_lag_seconds',
    help: 'From the event that made a ticket to the ticket, over the last five minutes',
    labelNames: ['which'],
    registers,
  });
  const open = gauge('trubka_calls_open', 'Calls that are not over');
  const pending = gauge('trubka_recordings_pending', 'Recordings waited for');

  async function readGauges(): Promise<void> {
    const { rows } = await deps.db.raw<{ rows: Record<string, string>[] }>(GAUGES_SQL);
    const values = rows[0] ?? {};
    waiting.set(Number(values['inbox_waiting']));
    oldest.set(Number(values['inbox_oldest']));
    open.set(Number(values['calls_open']));
    pending.set(Number(values['recordings_pending']));
    const { rows: lags } = await deps.db.raw<{ rows: Record<string, string>[] }>(LAG_SQL);
    lag.set({ which: 'median' }, Number(lags[0]?.['median']));
    lag.set({ which: 'longest' }, Number(lags[0]?.['longest']));
  }

  const router = Router();
  router.get('/metrics', async (request, response) => {
    await checkReader(deps, request);
    await readGauges();
    response.setHeader('Cache-Control', 'no-store');
    response.type(registry.contentType).send(await registry.metrics());
  });
  return {
    router,
    observe({ method, route, status, seconds }) {
      duration.observe({ method, route, status: String(status) }, seconds);
      if (status >= 500) failures.inc();
    },
  };
}
