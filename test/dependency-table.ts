import { posix } from 'node:path';

/** Who may import whom: read by the architecture test and by the linter. What is not listed is refused. */
interface Row {
  /** A directory; the longest that fits a file counts. */
  readonly from: string;
  /** Directories or files (without extension) of this project. */
  readonly may: readonly string[];
  /** Packages and Node's own modules; `*` for any. */
  readonly packages: readonly string[];
}

export const DEPENDENCIES: readonly Row[] = [
  { from: 'domain', may: [], packages: ['libphonenumber-js'] },
  { from: 'workflows', may: ['domain'], packages: ['@temporalio/workflow', '@temporalio/common'] },
  { from: 'db', may: ['domain'], packages: ['*'] },
  // The dispatcher, which starts and signals workflows, lives here: hence their messages and their queue, never a workflow itself.
  {
    from: 'activities',
    may: ['workflows/steps', 'workflows/messages', 'workflows/search-attributes', 'workflows/task-queue', 'domain', 'db'],
    packages: ['*'],
  },
  // Signature and parsing of webhooks live with the carrier's adapter; recordings are streamed out of the store that keeps them.
  {
    from: 'api',
    may: [
      'workflows/messages',
      'workflows/task-queue',
      'domain',
      'db',
      'activities/telephony',
      'activities/recordings',
      'activities/outbound-addresses',
      // The self-test asks for the product's own address from outside.
      'activities/outbound-http',
    ],
    packages: ['*'],
  },
  { from: 'api/contract', may: [], packages: ['zod'] },
  { from: 'ui', may: ['api/contract'], packages: ['*'] },
  // Speaks to the product over HTTP alone, as the real PBX does.
  { from: 'run/demo-pbx', may: [], packages: ['*'] },
  { from: 'run', may: ['*'], packages: ['*'] },
  { from: 'bench', may: ['*'], packages: ['*'] },
  { from: 'test', may: ['*'], packages: ['*'] },
  // Judges the product from outside, by the specification alone.
  { from: 'test/torture/checker', may: [], packages: [] },
];

/** Why `file` may not import `specifier`: a sentence that names the edge. Undefined if it may. Paths are relative to the project's root. */
export function forbiddenEdge(file: string, specifier: string): string | undefined {
  const row = rowOf(file);
  if (!row) return undefined;
  if (!specifier.startsWith('.')) {
    const allowed = row.packages.some((name) => name === '*' || specifier === name || specifier.startsWith(`${name}/`));
    return allowed ? undefined : `${file} imports the package ${specifier}; ${row.from} may import ${words(row.packages)}`;
  }
  const target = posix.join(posix.dirname(file), specifier).replace(/\.(ts|js|mjs|vue)$/, '');
  if (within(target, row.from)) return undefined;
  const allowed = row.may.some((place) => place === '*' || within(target, place));
  return allowed ? undefined : `${file} imports ${target}; ${row.from} may import ${words(row.may)}`;
}

function rowOf(file: string): Row | undefined {
  return DEPENDENCIES.filter(({ from }) => within(file, from)).sort((a, b) => b.from.length - a.from.length)[0];
}

function within(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

function words(places: readonly string[]): string {
  return places.length === 0 ? 'nothing' : places.join(', ');
}
