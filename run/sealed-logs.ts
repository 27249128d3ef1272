import type pg from 'pg';
import { migrate } from '../db/migrate.ts';
import type { RunningPostgres } from './postgres.ts';
import { urlOfDatabase, withClient } from './postgres-server.ts';

/** What may only be added to. */
const LOGS = ['audit_log', 'destruction_log'] as const;

const existing = async (client: pg.Client): Promise<string[]> =>
  (
    await client.query<{ name: string }>('select tablename as name from pg_tables where tablename = any($1)', [[...LOGS]])
  ).rows.map(({ name }) => name);

/**
 * Brings the schema of the embedded server up to date. Between two starts the logs belong to the superuser: the role that the service works
 * as reads them and adds to them, and cannot change or delete a row, switch off the triggers that refuse that, or drop the table, all of
 * which an owner could.
 */
export async function migrateSealed({
  serverUrl,
  databaseUrl,
}: Pick<RunningPostgres, 'serverUrl' | 'databaseUrl'>): Promise<string[]> {
  const { pathname, username: service } = new URL(databaseUrl);
  const asSuperuser = (statements: (table: string) => readonly string[], ofSchema: readonly string[]): Promise<void> =>
    withClient(urlOfDatabase(serverUrl, pathname.slice(1)), async (client) => {
      const ofTables = (await existing(client)).flatMap(statements);
      await client.query(['begin', ...ofTables, ...ofSchema, 'commit'].join('; '));
    });
  // A migration may alter these tables, for which it has to own them.
  await asSuperuser((table) => [`alter table ${table} owner to ${service}`], []);
  const ran = await migrate(databaseUrl);
  await asSuperuser(
    (table) => [
      `alter table ${table} owner to current_user`,
      `revoke all on ${table} from public, ${service}`,
      `grant select, insert on ${table} to ${service}`,
    ],
    // The owner of a schema may drop what is in it.
    ['alter schema public owner to current_user', `grant usage, create on schema public to ${service}`],
  );
  return ran;
}
