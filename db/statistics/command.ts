import { createPool } from '../pool.ts';
import { checkFacts, rebuildFacts, refreshFacts } from './facts.ts';

/** `node --import tsx db/statistics/command.ts rebuild|check`: computes the statistics' facts again, or compares them with the source. */
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const databaseUrl = process.env['DATABASE_URL'];
if (!databaseUrl) throw new Error('DATABASE_URL is not set: whose statistics?');
const db = createPool(databaseUrl, { max: 2 });
try {
  switch (process.argv[2]) {
    case 'rebuild': {
      say(`${await rebuildFacts(db)} facts were wrong and are right now`);
      break;
    }
    case 'check': {
      await refreshFacts(db);
      const wrong = await checkFacts(db);
      say(wrong.length === 0 ? 'All facts agree with the source' : `Wrong: tickets ${wrong.join(', ')}`);
      if (wrong.length > 0) process.exitCode = 1;
      break;
    }
    default:
      throw new Error('Say rebuild or check');
  }
} finally {
  await db.destroy();
}
