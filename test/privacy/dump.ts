import type { Db } from '../../db/pool.ts';

/** Every row of every table as text: what `pg_dump --data-only` would hold. */
export async function dumpOf(db: Db): Promise<string> {
  const { rows: tables } = await db.raw<{ rows: { name: string }[] }>(
    `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
  );
  const parts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await db.raw<{ rows: { line: string }[] }>(`select '${name} ' || t::text as line from ${name} t`);
    parts.push(...rows.map(({ line }) => line));
  }
  return parts.join('\n');
}

/** The lines of a dump in which one of these stands, however it is escaped there. */
export const linesWith = (dump: string, ...texts: readonly string[]): string[] =>
  dump.split('\n').filter((line) => texts.some((text) => line.toLowerCase().includes(text.toLowerCase())));
