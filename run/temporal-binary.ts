import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { say, step, StartError } from './console.ts';

/** The last version that `go install` can build: later ones hold a `replace` in their go.mod, which it refuses. */
export const CLI_VERSION = '1.5.1';
/** Older servers lack what the workflows use. */
const OLDEST_SERVER = [1, 28];
const DOWNLOAD_PATIENCE_MS = 20_000;
const RELEASES = 'https://github.com/temporalio/cli/releases/download';
/** SHA-256 of the vendor's archives of CLI_VERSION. A platform that is not here builds from source. */
const CHECKSUMS: Readonly<Record<string, string>> = {
  linux_amd64: 'ddc95e08b0b076efd4ea9733a3f488eb7d2be875f8834e616cd2a37358b4852d',
  darwin_amd64: 'bbb73e2a31135abe50a1f1cdb35030c42961df618e8ce9c60ae89f201540c5d9',
  darwin_arm64: 'cca01b7ea35ad56e2a328d9ae596bf716bd22313ef63c7a761c88354457c2415',
};

export interface TemporalBinary {
  readonly path: string;
  /** Of the server inside, e.g. `1.29.1`: a database file belongs to one. */
  readonly serverVersion: string;
}

/** What finding one may touch; tests give their own. */
export interface Surroundings {
  readonly cacheDirectory: string;
  /** `Server 1.29.1` out of what the program says about itself; undefined when there is none or it cannot be run. */
  readonly serverVersion: (program: string) => string | undefined;
  /** Fetches the vendor's archive, and returns the program out of it. */
  readonly download: (url: string, sha256: string) => Promise<Buffer>;
  readonly goInstall: (directory: string) => Promise<void>;
  readonly platform: string;
}

/** `temporal` on the PATH, else in the cache, else the vendor's archive, else built from source by Go. */
export async function findTemporal(surroundings: Surroundings = thisMachine()): Promise<TemporalBinary> {
  const { cacheDirectory } = surroundings;
  const cached = join(cacheDirectory, 'temporal');
  const present = usable('temporal', surroundings) ?? usable(cached, surroundings);
  if (present) return present;
  mkdirSync(cacheDirectory, { recursive: true });
  const downloadFault = await downloaded(cached, surroundings);
  const afterDownload = downloadFault === undefined && usable(cached, surroundings);
  if (afterDownload) return afterDownload;
  const buildFault = await built(surroundings);
  const afterBuild = buildFault === undefined && usable(cached, surroundings);
  if (afterBuild) return afterBuild;
  throw new StartError(
    'Trubka needs the Temporal server, and could not get it:\n' +
      `  download: ${downloadFault ?? 'what was downloaded does not run here'}\n` +
      `  go install: ${buildFault ?? 'what was built does not run here'}\n` +
      'Install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on the PATH, or install Go, ' +
      'or set TEMPORAL_ADDRESS to a Temporal server of your own',
  );
}

function usable(path: string, { serverVersion }: Surroundings): TemporalBinary | undefined {
  const version = serverVersion(path);
  if (version === undefined) return undefined;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major * 1000 + minor < (OLDEST_SERVER[0] ?? 0) * 1000 + (OLDEST_SERVER[1] ?? 0)) {
    say(`${path} holds Temporal server ${version}, which is too old (at least ${OLDEST_SERVER.join('.')} is needed)`);
    return undefined;
  }
  return { path, serverVersion: version };
}

/** Returns why not. */
async function downloaded(target: string, { download, platform }: Surroundings): Promise<string | undefined> {
  const sha256 = CHECKSUMS[platform];
  if (!sha256) return `there is no archive for ${platform} whose checksum is known`;
  const url = `${RELEASES}/v${CLI_VERSION}/temporal_cli_${CLI_VERSION}_${platform}.tar.gz`;
  try {
    const program = await step('Downloading the Temporal server (about 50 MB)', () => download(url, sha256));
    const draft = `${target}.${process.pid}`;
    writeFileSync(draft, program, { mode: 0o755 });
    renameSync(draft, target);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Returns why not. */
async function built({ goInstall, cacheDirectory }: Surroundings): Promise<string | undefined> {
  try {
    await step('Building the Temporal server from source, once: this takes some minutes', () => goInstall(cacheDirectory), 0);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export function thisMachine(): Surroundings {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return {
    cacheDirectory: join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'trubka/bin'),
    serverVersion: askVersion,
    download: downloadProgram,
    goInstall: installWithGo,
    platform: `${platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}

function askVersion(program: string): string | undefined {
  try {
    const text = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 15_000 });
    return /Server (\d+\.\d+\.\d+)/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

/** A network that is closed often swallows the request instead of refusing it: hence the short patience for a first sign of life. */
async function downloadProgram(url: string, sha256: string): Promise<Buffer> {
  const impatience = new AbortController();
  const timer = setTimeout(
    () => impatience.abort(new Error(`no answer within ${DOWNLOAD_PATIENCE_MS / 1000} s`)),
    DOWNLOAD_PATIENCE_MS,
  );
  const archive = await (async () => {
    try {
      const response = await fetch(url, { signal: impatience.signal });
      if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.body) {
        timer.refresh();
        chunks.push(chunk as Uint8Array);
      }
      return Buffer.concat(chunks);
    } finally {
      clearTimeout(timer);
    }
  })();
  const found = createHash('sha256').update(archive).digest('hex');
  if (found !== sha256) throw new Error(`${url} has the checksum ${found} instead of ${sha256}: not used`);
  return unpack(archive);
}

async function unpack(archive: Buffer): Promise<Buffer> {
  const directory = mkdtempSync(join(thisMachine().cacheDirectory, 'unpack-'));
  try {
    const file = join(directory, 'archive.tar.gz');
    writeFileSync(file, archive);
    const { stdout } = await promisify(execFile)('tar', ['-xzOf', file, 'temporal'], {
      encoding: 'buffer',
      maxBuffer: 1_000_000_000,
    });
    return stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function installWithGo(directory: string): Promise<void> {
  const go = ['go', '/usr/local/go/bin/go'].find((candidate) => (candidate === 'go' ? onPath('go') : existsSync(candidate)));
  if (!go) return Promise.reject(new Error('Go is not installed (https://go.dev/dl)'));
  return new Promise((resolve, reject) => {
    const build = spawn(go, ['install', `github.com/temporalio/cli/cmd/temporal@v${CLI_VERSION}`], {
      env: { ...process.env, GOBIN: directory, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    build.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString('utf8')).slice(-2_000)));
    build.once('error', reject);
    build.once('close', (code) => (code === 0 ? resolve() : reject(new Error(complaint.trim() || `it ended with code ${code}`))));
  });
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, program)));
}
