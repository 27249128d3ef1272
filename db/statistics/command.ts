import { createPool } from '../pool.ts';
import { checkFacts, rebuildFacts, refreshFacts } from './facts.ts';
import { checkRollUps, rebuildRollUps } from './roll-ups.ts';

/** `node --import tsx db/statistics/command.ts rebuild|check`: computes the statistics' facts again, or compares them with the source. */
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const databaseUrl = process.env['DATABASE_URL'];
if (!databaseUrl) throw new Error('DATABASE_URL is not set: whose statistics?');
const db = createPool(databaseUrl, { max: 2 });
try {
  switch (process.argv[2]) {
    case 'rebuild': {
      say(`${await rebuildFacts(db)} facts were wrong and are right now`);
      const rolledUp = await rebuildRollUps(db);
      if (rolledUp > 0) say(`So were ${rolledUp} sums that are kept of them`);
      break;
    }
    case 'check': {
      await refreshFacts(db);
      const wrong = await checkFacts(db);
      const rolledUp = await checkRollUps(db);
      if (wrong.length > 0) say(`Wrong: tickets ${wrong.join(', ')}`);
      if (rolledUp > 0) say(`Wrong: ${rolledUp} sums that are kept of the facts`);
      if (wrong.length + rolledUp === 0) say('All facts agree with the source, and what is kept of them with the facts');
      else process.exitCode = 1;
      break;
    }
    default:
      throw new Error('Say rebuild or check');
  }
} finally {
  await db.destroy();
}
