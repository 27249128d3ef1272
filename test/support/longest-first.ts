import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of more than some twenty seconds. One that is begun last keeps one core busy and the other waiting. */
const LONGEST = [
  'test/privacy/faults.test.ts',
  'test/product/kills.test.ts',
  'test/run/start.test.ts',
  'test/statistics/reckoning.test.ts',
  'test/product/leaving.test.ts',
  'test/domain/call-properties.unit.test.ts',
  'test/browser/two-tabs.test.ts',
  'test/browser/inspector.test.ts',
];

/** These first, the others as vitest does: by their times where an earlier run has left any, by their sizes where none has (CI). */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.indexOf(relative(this.ctx.config.root, moduleId));
      return place === -1 ? LONGEST.length : place;
    };
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
