/** Stands in for the API: answers that it is ready, and remembers in the database how often it was started. */
import { createServer } from 'node:http';
import { createPool } from '../../../db/pool.ts';

if (process.env['STAND_IN_FAULT']) {
  process.stderr.write(`${process.env['STAND_IN_FAULT']}\n`);
  process.exit(1);
}
const db = createPool(process.env['DATABASE_URL'] ?? '', { max: 1 });
await db.raw(
  `insert into settings (key, value) values ('starts', '1') on conflict (key) do update set value = to_jsonb((settings.value)::int + 1)`,
);
const server = createServer((request, response) => {
  if (request.url === '/die') process.exit(7);
  void db('settings')
    .where({ key: 'starts' })
    .first('value')
    .then((row: unknown) => response.end(JSON.stringify(row)));
});
server.listen(Number(process.env['PORT']));
process.on('SIGTERM', () => process.exit(0));
