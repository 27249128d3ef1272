import type { LookupAddress } from 'node:dns';
import type { StatsFs } from 'node:fs';
import type { Telephony } from '../activities/telephony/telephony.ts';
import type { Config } from '../db/config.ts';
import type { Logger } from '../db/log.ts';
import type { Db } from '../db/pool.ts';
import type { Secrets } from '../db/secrets.ts';
import type { EventCounts } from './event-counts.ts';
import type { TemporalAccess } from './admin/temporal-access.ts';
import type { EventHub } from './stream/hub.ts';

export interface ApiDeps {
  readonly db: Db;
  readonly config: Config;
  readonly logger: Logger;
  readonly secrets: Secrets;
  readonly events: EventHub;
  /** Shared with the webhooks' router, which counts. */
  readonly eventCounts?: EventCounts;
  readonly telephony: Pick<Telephony, 'forIntegration'>;
  readonly temporal: TemporalAccess;
  /** Where the workers take their work from; the one name that all share unless a test says otherwise. */
  readonly taskQueue?: string;
  /** Node's own, unless a test has a fuller disk. */
  readonly statfs?: (path: string) => Promise<Pick<StatsFs, 'bavail' | 'blocks' | 'bsize'>>;
  /** Node's own, unless a test has names that mean something else. */
  readonly lookup?: (host: string) => Promise<readonly Pick<LookupAddress, 'address'>[]>;
  /** Where the built interface lies; none while it is not built. */
  readonly uiDirectory?: string;
  /** True from SIGTERM on. */
  readonly isStopping?: () => boolean;
  /** False until the first look at the database has succeeded. */
  readonly isPrepared?: () => boolean;
}
