/** `npm start` with stand-ins for our own processes; everything else is real. */
import { fileURLToPath } from 'node:url';
import { Services } from '../../../run/services.ts';
import { startTrubka } from '../../../run/trubka.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const services = new Services();
services.stopOnSignals();
try {
  const parts = { buildUi: () => Promise.resolve(), api: path('api.ts'), worker: path('idle.ts'), demoPbx: path('idle.ts') };
  await startTrubka(services, process.env, parts);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  await services.stop();
  process.exit(1);
}
