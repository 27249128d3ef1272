/** `npm start` as it is, but for the interface, which need not be built. */
import { Services } from '../../run/services.ts';
import { PARTS, startTrubka } from '../../run/trubka.ts';

const services = new Services();
services.stopOnSignals();
try {
  await startTrubka(services, process.env, { ...PARTS, buildUi: () => Promise.resolve() });
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  await services.stop();
  process.exit(1);
}
