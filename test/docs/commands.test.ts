import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createTestDatabase } from '../support/database.ts';
import { openSelfTestStage, type SelfTestStage } from '../support/self-test-stage.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const names = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);
const pages = names.map((name) => ({ name, text: readFileSync(join(ROOT, name), 'utf8') }));
const scripts = Object.keys((JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }).scripts);

/** Blocks that a test runs are marked in the page's source: `<!-- run: name -->`. */
function marked(run: string): string[] {
  const pattern = new RegExp(`<!-- run: ${run} -->\\s*\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``, 'g');
  return pages.flatMap(({ text }) => [...text.matchAll(pattern)].map(([, block = '']) => block));
}

let stage: SelfTestStage;
beforeAll(async () => {
  stage = await openSelfTestStage();
  await stage.connect({ operators: 'unread' });
});
afterAll(() => stage.close());

/** The block as a reader would type it, with this test's addresses and secrets. */
const inShell = async (block: string, env: Record<string, string> = {}): Promise<string> => {
  const here = block
    .replaceAll('https://desk.example.com', stage.url)
    .replaceAll('http://localhost:3000', stage.url)
    .replace('your key', stage.pbx.credentials.key)
    .replace('your salt', stage.pbx.credentials.salt);
  const { stdout } = await run('sh', ['-euc', here], { cwd: ROOT, env: { ...process.env, ...env } });
  return stdout.trim();
};

describe('Commands in the documents', () => {
  test('find the address from outside', async () => {
    const blocks = marked('ping');
    expect(blocks).toHaveLength(2);
    for (const block of blocks) expect(await inShell(block)).toBe('{"success":true}');
  });

  test('sign an event by hand: 200 with the right salt, 403 with another', async () => {
    const [block = ''] = marked('signed');
    expect(await inShell(block)).toBe('200');
    expect(await inShell(block.replace("SALT='your salt'", "SALT='another'"))).toBe('403');
    const stored = (await stage.db('inbox').where({ path: '/events/check' }).select('verdict')) as unknown[];
    expect(stored).toEqual([{ verdict: 'kept' }]);
  });

  test('look into the database', async () => {
    const statements = marked('sql').flatMap((block) => block.split(';').filter((statement) => statement.trim()));
    expect(statements).toHaveLength(3);
    for (const statement of statements) await expect(stage.db.raw(statement)).resolves.toBeDefined();
  });

  test('ask after the health of the service', async () => {
    const blocks = marked('health');
    expect(blocks).toHaveLength(2);
    for (const block of blocks) expect(await inShell(block)).toBe('{"status":"ok"}{"status":"ok"}');
  });

  test('prepare a database for API and worker apart', async () => {
    const [block = ''] = marked('apart');
    const dataDir = await mkdtemp(join(tmpdir(), 'trubka-docs-'));
    const database = await createTestDatabase();
    const env = { DATABASE_URL: database.url, TEMPORAL_ADDRESS: '127.0.0.1:1', DATA_DIR: dataDir };
    try {
      await database.db.raw('drop schema public cascade; create schema public');
      await inShell(block, { ...env, ADMIN_EMAIL: 'boss@example.com', ADMIN_PASSWORD: 'a long enough password' });
      expect(await database.db('agents').select('email', 'role')).toEqual([{ email: 'boss@example.com', role: 'admin' }]);
    } finally {
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  test.each(pages.map(({ name, text }) => [name, text]))('%s names only npm scripts that exist', (_name, text) => {
    const named = [...text.matchAll(/npm run (?:--silent )?([a-z][\w-]*(?::[\w-]+)*)/g)].map(([, script]) => script);
    expect(named.filter((script) => !scripts.includes(script!))).toEqual([]);
  });

  test('for Compose name services, database, user and volume of the Compose file', () => {
    const { services, volumes } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
      services: Record<string, { environment?: Record<string, string>; volumes?: string[] }>;
      volumes: Record<string, unknown>;
    };
    const commands = pages.flatMap(({ text }) => [...text.matchAll(/^docker compose (exec|run|up) (.+)$/gm)]);
    // The first word that is no option; what follows it belongs to the command inside.
    const named = commands.flatMap(([, , rest = '']) => /^(?:-\S+ +)*([a-z][\w-]*)/.exec(rest)?.[1] ?? []);
    expect(named.filter((service) => !(service in services))).toEqual([]);
    expect(new Set(named)).toEqual(new Set(['postgres', 'api', 'temporal-namespace', 'migrate']));
    const inPostgres = commands.map(([line]) => line).filter((line) => /pg_(dump|restore)/.test(line));
    const { POSTGRES_USER: user, POSTGRES_DB: database } = services['postgres']?.environment ?? {};
    expect(inPostgres).toHaveLength(2);
    for (const line of inPostgres) expect(line).toContain(`postgres ${/pg_\w+/.exec(line)?.[0]} --username=${user} `);
    expect(inPostgres[0]).toContain(` ${database} > `);
    expect(inPostgres[1]).toContain(`--dbname=${database} `);
    const inData = commands.map(([line]) => line).filter((line) => / api tar /.test(line));
    expect(inData).toHaveLength(2);
    const places = inData.map((line) => /--directory=(\S+)/.exec(line)?.[1]);
    for (const place of places) expect(services['api']?.volumes).toContain(`data:${place}`);
    expect(volumes).toHaveProperty('data');
  });

  test.each(pages.map(({ name, text }) => [name, text]))('%s links only to files that exist', (name, text) => {
    const links = [...text.matchAll(/\]\((?!https?:|#|<)([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!);
    expect(links.filter((target) => !existsSync(join(ROOT, name, '..', target)))).toEqual([]);
  });
});
