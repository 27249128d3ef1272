import pg from 'pg';

/** Does `work` on a connection of its own, to a server or one of its databases. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export async function databaseExists(client: pg.Client, database: string): Promise<boolean> {
  return (await client.query('select from pg_database where datname = $1', [database])).rowCount === 1;
}

/** The address of this server's database of that name. */
export const urlOfDatabase = (server: string, database: string): string =>
  Object.assign(new URL(server), { pathname: `/${database}` }).href;
