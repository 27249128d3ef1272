import { ConfigError } from '../db/config.ts';
import { StartError } from './console.ts';
import { Services } from './services.ts';
import { startTrubka } from './trubka.ts';

const services = new Services();
services.stopOnSignals();
try {
  await startTrubka(services, process.env);
} catch (error) {
  // What fails because everything is being stopped is no news.
  if (!services.stopping) {
    const told = error instanceof StartError || error instanceof ConfigError;
    process.stderr.write(`${told ? error.message : String((error as Error).stack)}\n`);
    await services.stop();
    process.exit(1);
  }
}
