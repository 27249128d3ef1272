import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { readConnection, writeConnection } from './connection-file.ts';
import { createControlApp } from './control/app.ts';
import { openJournal } from './journal.ts';
import type { DemoPbx } from './pbx.ts';
import { close, createDemoPbx, listen, urlOf } from './pbx.ts';

interface ServerConfig {
  readonly port: number;
  readonly host: string;
  readonly controlPort: number;
  readonly key: string;
  readonly salt: string;
  readonly target: string;
  readonly dataDir: string;
  readonly limits: boolean;
}

/** Key and salt stay what they were at the last start, unless given. */
export function readServerConfig(env: NodeJS.ProcessEnv): ServerConfig {
  const dataDir = env['DATA_DIR'] || './data';
  const last = readConnection(dataDir);
  const secret = (): string => randomBytes(16).toString('hex');
  return {
    port: portOf(env, 'DEMO_PBX_PORT'),
    host: env['DEMO_PBX_HOST'] || '127.0.0.1',
    controlPort: portOf(env, 'DEMO_PBX_CONTROL_PORT'),
    key: env['DEMO_PBX_KEY'] || last.key || secret(),
    salt: env['DEMO_PBX_SALT'] || last.salt || secret(),
    target: (env['DEMO_PBX_TARGET'] || `http://127.0.0.1:${env['PORT'] || 3000}`).replace(/\/$/, ''),
    dataDir,
    limits: env['DEMO_PBX_LIMITS'] === '1',
  };
}

function portOf(env: NodeJS.ProcessEnv, name: string): number {
  const port = Number(env[name] || 0);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new Error(`${name} is ${env[name]}: a port between 0 and 65535 is wanted (0 takes any)`);
}

/** Starts the PBX with its control interface, real pacing and a memory that outlives it. */
export async function startServer(config: ServerConfig): Promise<{ readonly pbx: DemoPbx; stop(): Promise<void> }> {
  const { key, salt, target, dataDir } = config;
  const pbx = createDemoPbx({ targetUrl: target, key, salt, pace: 'real', logLimit: 2000, limits: config.limits });
  const journal = openJournal(dataDir);
  pbx.remember(journal.read());
  pbx.watchFinished((call) => journal.append(call));
  await pbx.start(config.port, config.host);
  const control: Server = await listen(createServer(createControlApp(pbx)), config.controlPort, '127.0.0.1');
  writeConnection(dataDir, { url: pbx.url, control: urlOf(control), key, salt, target });
  return {
    pbx,
    async stop() {
      await close(control);
      await pbx.stop();
    },
  };
}

async function main(): Promise<void> {
  const config = readServerConfig(process.env);
  const { pbx, stop } = await startServer(config);
  console.log(`Demo PBX at ${pbx.url}, telling ${pbx.targetUrl}/mango of its calls. Make one: npm run call -- --list`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}

// The path may lead here through a symbolic link.
if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  main().catch((error: unknown) => {
    console.error(`The demo PBX cannot start: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  });
}
