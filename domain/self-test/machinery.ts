import { says, type Check } from './check.ts';
import type { SelfTestFacts } from './facts.ts';

const STUCK_MS = 30_000;
const GIB = 1024 ** 3;
/** Below so many bytes, or below this share of a disk on which that is not plenty. */
const LOW = { bytes: 2 * GIB, share: 0.05, plenty: 20 * GIB };
const FULL = { bytes: GIB / 4, share: 0.01, plenty: 2 * GIB };

export function checkTemporal({ machinery }: SelfTestFacts): Check {
  return says('temporal')(machinery.temporal === 'there' ? 'temporal_ok' : 'temporal_away');
}

/** Somebody asks for work, and what comes in is delivered. */
export function checkWorker({ machinery: { workers, waiting } }: SelfTestFacts): Check {
  const say = says('worker');
  const delay = { count: waiting.count, seconds: Math.round(waiting.oldestMs / 1000) };
  if (workers === 0) return say('worker_away', { params: delay });
  if (waiting.count > 0 && waiting.oldestMs > STUCK_MS) return say('delivery_stuck', { params: delay });
  return workers === null ? say('worker_not_known') : say('worker_ok', { params: { n: workers } });
}

export function checkDisk({ machinery: { disk } }: SelfTestFacts): Check {
  const say = says('disk');
  if (!disk) return say('disk_not_known');
  const { freeBytes, totalBytes } = disk;
  const isBelow = ({ bytes, share, plenty }: typeof LOW): boolean =>
    freeBytes < bytes || (freeBytes < plenty && freeBytes < totalBytes * share);
  const params = { gigabytes: Math.round((freeBytes / GIB) * 10) / 10 };
  return say(isBelow(FULL) ? 'disk_full' : isBelow(LOW) ? 'disk_low' : 'disk_ok', { params });
}
