import { executionOf, scopeQuery, stateQuery, waitingQuery, type Execution, type Scope, type Shown } from './executions.ts';
import type { TemporalAccess } from './temporal-access.ts';

const LARGEST_PAGE = 1000;
/** How far a page is looked for by leafing; who seeks something older searches for it by id. */
const MOST_PAGES = 20;
/** After that the list may have moved on, and a position is found anew. */
const POSITION_KEPT_MS = 30_000;
const MOST_POSITIONS = 200;

interface Position {
  readonly token: Uint8Array;
  readonly at: number;
}

/** Temporal's lists know no offsets, only «what follows this»: where a page ended is kept, so that the next one is one request. */
export class ExecutionList {
  private readonly positions = new Map<string, Position>();

  constructor(
    private readonly temporal: TemporalAccess,
    private readonly scope: Scope,
  ) {}

  /** Newest first, from `start` to `end` inclusive. */
  async page(state: Shown, start: number, end: number): Promise<readonly Execution[]> {
    if (state === 'delayed' && !this.scope.areCalls) return [];
    const from = await this.seek(state, start);
    return from ? (await this.read(state, start, Math.min(end - start + 1, LARGEST_PAGE), from.token)).executions : [];
  }

  async counts(): Promise<Record<Shown, number>> {
    const [groups, delayed] = await Promise.all([
      this.temporal.ask((client) => client.workflow.count(`${scopeQuery(this.scope)} GROUP BY ExecutionStatus`)),
      this.scope.areCalls ? this.temporal.ask((client) => client.workflow.count(waitingQuery(this.scope))) : { count: 0 },
    ]);
    const of = (...statuses: string[]): number =>
      groups.groups
        .filter(({ groupValues }) => statuses.includes(String(groupValues[0])))
        .reduce((sum, { count }) => sum + count, 0);
    return {
      active: Math.max(0, of('Running') - delayed.count),
      delayed: delayed.count,
      completed: of('Completed'),
      failed: of('Failed', 'TimedOut', 'Terminated', 'Canceled'),
    };
  }

  /** Undefined where the list is shorter than `start`, or longer than anybody leafs. */
  private async seek(state: Shown, start: number): Promise<{ readonly token: Uint8Array | undefined } | undefined> {
    let { at, token } = this.nearest(state, start);
    for (let pages = 0; at < start; pages += 1) {
      if (pages === MOST_PAGES) return undefined;
      const { executions, next } = await this.read(state, at, Math.min(start - at, LARGEST_PAGE), token);
      if (!next) return undefined;
      at += executions.length;
      token = next;
    }
    return { token };
  }

  private nearest(state: Shown, start: number): { readonly at: number; readonly token: Uint8Array | undefined } {
    const tooOld = Date.now() - POSITION_KEPT_MS;
    let nearest: { at: number; token: Uint8Array | undefined } = { at: 0, token: undefined };
    for (const [key, position] of this.positions) {
      if (position.at < tooOld) this.positions.delete(key);
      else if (key.startsWith(`${state}:`)) {
        const at = Number(key.slice(state.length + 1));
        if (at <= start && at > nearest.at) nearest = { at, token: position.token };
      }
    }
    return nearest;
  }

  private async read(state: Shown, start: number, pageSize: number, token: Uint8Array | undefined) {
    const { namespace } = this.temporal;
    const request = { namespace, query: stateQuery(this.scope, state), pageSize, ...(token ? { nextPageToken: token } : {}) };
    const answer = await this.temporal.ask((client) => client.workflowService.listWorkflowExecutions(request));
    const executions = answer.executions.map(executionOf);
    const next = answer.nextPageToken.length > 0 ? answer.nextPageToken : undefined;
    if (next) this.keep(`${state}:${start + executions.length}`, next);
    return { executions, next };
  }

  private keep(key: string, token: Uint8Array): void {
    this.positions.delete(key);
    this.positions.set(key, { token, at: Date.now() });
    const [oldest] = this.positions.keys();
    if (this.positions.size > MOST_POSITIONS && oldest !== undefined) this.positions.delete(oldest);
  }
}
