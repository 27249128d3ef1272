import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import ui from './ui/vite.config.ts';

/** Waits are for conditions; these are only what a machine busy with something else may need before one counts as not coming. */
const shared = {
  pool: 'forks' as const,
  testTimeout: 90_000,
  hookTimeout: 120_000,
  unstubEnvs: true,
  restoreMocks: true,
  expect: { poll: { timeout: 15_000 } },
};
/** Whole processes and browsers: on CI's shared cores one more try tells a busy moment from a fault. The reporter names what was retried. */
const inCi = { retry: process.env['CI'] ? 1 : 0 };
/** One process takes one file after the other and keeps the modules: loading the product anew for each is two seconds of a core a file. */
const together = { isolate: false };

/** Every page in every look, times measured in a browser that has the machine for itself, and minutes of real processes: `.ci/run` keeps
 * them for the end, when there is time left. */
const WIDE = ['test/browser/everywhere.test.ts', 'test/browser/feel.test.ts'];
const LONG = [
  'test/product/backup.test.ts',
  'test/product/crowds.test.ts',
  'test/product/downtime.test.ts',
  'test/product/held-open.test.ts',
  'test/privacy/erasure-killed.test.ts',
  'test/privacy/faults.test.ts',
  'test/security/sign-in-time.test.ts',
  'test/privacy/retention-killed.test.ts',
];

/**
 * `unit` needs nothing; `integration` a Postgres and a Temporal (globalSetup); `browser` both and Chromium; `ui` mounts components.
 * The Temporal SDK's native core crashes under worker threads, therefore forks.
 */
export default defineConfig({
  test: {
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    reporters: ['default'],
    projects: [
      {
        test: {
          ...shared,
          ...together,
          name: 'unit',
          include: ['test/domain/**/*.test.ts', 'test/architecture.test.ts', 'test/**/*.unit.test.ts'],
        },
      },
      {
        test: {
          ...shared,
          ...inCi,
          ...together,
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/domain/**',
            'test/architecture.test.ts',
            'test/**/*.unit.test.ts',
            'test/ui/**',
            'test/browser/**',
            ...LONG,
          ],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      {
        test: { ...shared, ...inCi, name: 'long', include: LONG, globalSetup: ['test/support/global-setup.ts'] },
      },
      {
        test: {
          ...shared,
          ...inCi,
          ...together,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          exclude: WIDE,
          globalSetup: ['test/support/global-setup.ts'],
          // After everything else.
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...shared,
          ...inCi,
          name: 'wide',
          include: WIDE,
          globalSetup: ['test/support/global-setup.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
        },
      },
      {
        plugins: ui.plugins ?? [],
        test: {
          ...shared,
          name: 'ui',
          include: ['test/ui/**/*.test.ts'],
          environment: 'happy-dom',
          setupFiles: ['test/support/ui-setup.ts'],
        },
      },
    ],
  },
});
