/** `npm run bench [-- <name>]`: each benchmark is a module of this folder that exports `run`. Without a name, calls. */
const BENCHMARKS = {
  calls: () => import('./calls.ts'),
  statistics: () => import('./statistics.ts'),
  growth: () => import('./growth.ts'),
  inspector: () => import('./inspector.ts'),
  scale: () => import('./scale.ts'),
  soak: () => import('./soak.ts'),
  start: () => import('./start.ts'),
  streams: () => import('./streams.ts'),
  ui: () => import('./ui.ts'),
} as const;

const name = process.argv[2] ?? 'calls';
if (!(name in BENCHMARKS)) {
  process.stderr.write(`There is no benchmark ${name}. Known: ${Object.keys(BENCHMARKS).join(', ')}\n`);
  process.exit(2);
}
const benchmark = await BENCHMARKS[name as keyof typeof BENCHMARKS]();
await benchmark.run(process.argv.slice(3));
