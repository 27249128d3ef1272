import type { ErasureTexts } from './erasures.ts';
import type { Executor } from './pool.ts';

export interface DestroyedCategory {
  /** A code the interface puts into words. */
  readonly category: string;
  readonly count: number;
}

export interface DestructionRow {
  readonly id: string;
  readonly at: Date;
  readonly cause: 'retention' | 'erasure';
  readonly reason: string;
  readonly subject_number: string | null;
  readonly subject_id: string | null;
  readonly categories: readonly DestroyedCategory[];
  readonly actor_name: string | null;
  readonly ordered_at: Date | null;
  readonly texts: ErasureTexts | null;
}

/** Notes in the transaction of the deletion itself that a term had ended; nothing is noted of nothing. */
export async function recordTermEnded(trx: Executor, category: string, count: number): Promise<void> {
  if (count === 0) return;
  const categories = JSON.stringify([{ category, count }]);
  await trx('destruction_log').insert({ cause: 'retention', reason: 'term_over', categories });
}

export interface DestructionFilter {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly cause?: 'retention' | 'erasure' | undefined;
}

/** Newest first. */
export async function listDestructions(
  db: Executor,
  filter: DestructionFilter,
  paging: { readonly offset: number; readonly limit: number },
): Promise<{ readonly rows: DestructionRow[]; readonly total: number }> {
  const matching = () => {
    const query = db('destruction_log');
    if (filter.from) void query.where('at', '>=', filter.from);
    if (filter.to) void query.where('at', '<', filter.to);
    if (filter.cause) void query.where('cause', filter.cause);
    return query;
  };
  const rows = (await matching()
    .orderBy([
      { column: 'at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .offset(paging.offset)
    .limit(paging.limit)) as DestructionRow[];
  const [count] = (await matching().count('* as total')) as { total: string }[];
  return { rows, total: Number(count?.total ?? 0) };
}
