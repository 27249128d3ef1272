type Directives = Readonly<Record<string, string>>;

const EVERYWHERE: Directives = { 'default-src': "'self'", 'object-src': "'none'", 'frame-ancestors': "'none'" };
/** The board's page has a `<base>` of its own host, and Temporal's begins with an inline script of its vendor's (docs/security.md). */
const AREAS: readonly (readonly [path: RegExp, directives: Directives])[] = [
  [/^\/admin\/workflows(\/|$)/, { 'base-uri': "'self'", 'script-src': "'self'" }],
  [/^\/admin\/temporal(\/|$)/, { 'base-uri': "'self'", 'script-src': "'self' 'unsafe-inline'" }],
  [/^/, { 'base-uri': "'none'", 'script-src': "'self'" }],
];
/** Nothing of another host, and styles alone may stand in the page. */
const SOURCES = new Set(["'self'", "'none'", 'data:', 'blob:']);

const directivesOf = (policy: string): Directives =>
  Object.fromEntries(
    policy.split(';').map((directive) => {
      const [name = '', ...sources] = directive.trim().split(/\s+/);
      return [name, sources.join(' ')];
    }),
  );

/** In what the policy of the page at this path differs from what it must be. */
export function policyFaults(path: string, policy: string | null | undefined): string[] {
  const given = directivesOf(policy ?? '');
  const [, own = {}] = AREAS.find(([area]) => area.test(path)) ?? [];
  const wanted = { ...EVERYWHERE, ...own };
  const missing = Object.entries(wanted).filter(([name, sources]) => given[name] !== sources);
  const foreign = Object.entries(given).filter(
    ([name, sources]) =>
      wanted[name] !== sources &&
      sources.split(' ').some((source) => !SOURCES.has(source) && !(name === 'style-src' && source === "'unsafe-inline'")),
  );
  return [
    ...missing.map(([name, sources]) => `${path}: ${name} is ${given[name] ?? 'missing'}, not ${sources}`),
    ...foreign.map(([name, sources]) => `${path}: ${name} lets in ${sources}`),
  ];
}
