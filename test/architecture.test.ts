import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { DEPENDENCIES, forbiddenEdge } from './dependency-table.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const MADE = /(^|\/)(dist\/|node_modules\/|(auto-imports|components)\.d\.ts$)/;

function sources(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => /\.(ts|vue|mjs)$/.test(path) && !MADE.test(path) && statSync(join(ROOT, path)).isFile());
}

/** Static, dynamic, type-only and re-exporting imports alike; of a component, those in its scripts. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const code = path.endsWith('.vue')
    ? [...text.matchAll(/<script[^>]*>([^]*?)<\/script>/g)].map(([, script]) => script).join('\n')
    : text;
  return ts.preProcessFile(code, true, true).importedFiles.map(({ fileName }) => fileName);
}

describe('every import follows the table of dependencies', () => {
  const directories = [...new Set(DEPENDENCIES.map(({ from }) => from.split('/')[0] ?? ''))];
  test.each(directories)('%s', (directory) => {
    const edges = sources(directory).flatMap((path) => importsOf(path).map((specifier) => forbiddenEdge(path, specifier)));
    expect(edges.filter(Boolean)).toEqual([]);
  });

  test('a forbidden edge is named', () => {
    expect(forbiddenEdge('domain/call.ts', '../db/pool.ts')).toBe('domain/call.ts imports db/pool; domain may import nothing');
    expect(forbiddenEdge('workflows/call.ts', 'node:fs')).toMatch(/^workflows\/call\.ts imports the package node:fs; /);
    expect(forbiddenEdge('activities/x.ts', '../workflows/call.ts')).toMatch(/^activities\/x\.ts imports workflows\/call; /);
    expect(forbiddenEdge('ui/src/client.ts', '../../api/routes/tickets.ts')).toMatch(
      /imports api\/routes\/tickets; ui may import api\/contract/,
    );
    expect(forbiddenEdge('run/demo-pbx/wire.ts', '../../db/pool.ts')).toMatch(
      /imports db\/pool; run\/demo-pbx may import nothing/,
    );
    expect(forbiddenEdge('api/routes/mango.ts', '../../activities/telephony/mango/signature.ts')).toBeUndefined();
  });
});

describe('text stays text', () => {
  test('nothing of the interface turns a text into markup or code', () => {
    const makes =
      /\bv-html\b|\b(inner|outer)HTML\b|insertAdjacentHTML|document\.write|srcdoc|createContextualFragment|\beval\(|new Function\(/;
    expect(sources('ui/src').filter((path) => makes.test(readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
    expect(sources('ui/src').length).toBeGreaterThan(50);
  });
});

describe('rules and workflows know no clock, no environment and no network: they compile without ambient types', () => {
  test.each(['domain', 'workflows'])(
    '%s',
    (directory) => {
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const compile = (): string => {
        try {
          return execFileSync(process.execPath, [tsc, '--noEmit', '-p', `${directory}/tsconfig.json`], {
            cwd: ROOT,
            encoding: 'utf8',
          });
        } catch (error) {
          return (error as { stdout: string }).stdout;
        }
      };
      expect(compile()).toBe('');
    },
    120_000,
  );
});
