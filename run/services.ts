import { say } from './console.ts';
import type { LogFile } from './log-file.ts';
import { supervise, type Service } from './supervise.ts';

/** Runs our scripts, without a loader in each process. */
const SERVICE = 'run/service.mjs';
/** Of one Ctrl-C in a terminal npm tells its child once more what the terminal has told it already. */
const SAME_PRESS_MS = 1_000;

export interface OurProcess {
  readonly name: string;
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly log: LogFile;
  readonly started: (pid: number) => void;
}

/** Who stops when, and how long it may take: whoever writes stops before what it writes to. Together under ten seconds. */
const STOP_ORDER: readonly { readonly name: string; readonly patienceMs: number }[] = [
  { name: 'api', patienceMs: 2_000 },
  { name: 'worker', patienceMs: 2_500 },
  { name: 'demo-pbx', patienceMs: 500 },
  { name: 'temporal', patienceMs: 2_000 },
  { name: 'postgres', patienceMs: 2_500 },
];

/** All child processes of one `npm start`. */
export class Services {
  readonly #services = new Map<string, Service>();
  readonly #beforehand: (() => void)[] = [];
  readonly #afterwards: (() => void)[] = [];
  #stopped: Promise<void> | undefined;

  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  add(service: Service): void {
    this.#services.set(service.name, service);
    if (this.stopping) void service.stop(1_000);
  }

  named(name: string): Service {
    const service = this.#services.get(name);
    if (!service) throw new Error(`No service is called ${name}`);
    return service;
  }

  /** Runs one of our own scripts; what it reports as an error appears here too. */
  startOurs({ name, script, env, cwd, log, started }: OurProcess): void {
    const line = (text: string): void => {
      const entry = errorIn(text);
      if (entry !== undefined) say(`${name}: ${entry}`);
    };
    const command = { command: process.execPath, args: [SERVICE, script], env, cwd, leavesWithParent: true };
    this.add(supervise({ name, log, started, line, ...command }));
  }

  onStopping(work: () => void): void {
    this.#beforehand.push(work);
  }

  onStopped(work: () => void): void {
    this.#afterwards.push(work);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopInOrder();
    return this.#stopped;
  }

  /** Ctrl-C, a service manager, a closed terminal. The second time nobody waits any longer. */
  stopOnSignals(): void {
    let firstAt: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        firstAt ??= Date.now();
        if (this.stopping && Date.now() - firstAt > SAME_PRESS_MS) process.exit(1);
        if (this.stopping) return;
        say('Stopping …');
        void this.stop().then(() => {
          say('Stopped. Nothing is lost: the next start goes on from here.');
          process.exit(0);
        });
      });
    }
  }

  async #stopInOrder(): Promise<void> {
    for (const work of this.#beforehand) work();
    for (const { name, patienceMs } of STOP_ORDER) await this.#services.get(name)?.stop(patienceMs);
    for (const work of this.#afterwards) work();
  }
}

/** The message of a JSON log line of level error or above; undefined for all others. */
function errorIn(line: string): string | undefined {
  try {
    const { level, msg, err } = JSON.parse(line) as { level?: string; msg?: string; err?: { message?: string } };
    if (level !== 'error' && level !== 'fatal') return undefined;
    return [msg, err?.message].filter(Boolean).join(': ');
  } catch {
    return undefined;
  }
}
