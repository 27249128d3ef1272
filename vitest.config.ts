import { defineConfig } from 'vitest/config';
import ui from './ui/vite.config.ts';

const shared = { pool: 'forks' as const, testTimeout: 30_000, hookTimeout: 60_000, unstubEnvs: true, restoreMocks: true };

/**
 * `unit` needs nothing; `integration` a Postgres and a Temporal (globalSetup); `browser` both and Chromium; `ui` mounts components.
 * The Temporal SDK's native core crashes under worker threads, therefore forks.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/domain/**/*.test.ts', 'test/architecture.test.ts', 'test/**/*.unit.test.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: ['test/domain/**', 'test/architecture.test.ts', 'test/**/*.unit.test.ts', 'test/ui/**', 'test/browser/**'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
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
