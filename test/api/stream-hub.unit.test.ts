import { expect, test } from 'vitest';
import { togetherMs } from '../../api/stream/hub.ts';

test.each([
  ['a few people hear of each other at once', 3, 250],
  ['at most a hundred a second read their lists anew', 240, 2_400],
  ['nobody waits longer than ten seconds', 5_000, 10_000],
])('changes of other people’s tickets are told together: %s', (_, streams, waitMs) => {
  expect(togetherMs(streams)).toBe(waitMs);
});
