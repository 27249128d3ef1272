import { VERDICTS, type Check, type Verdict } from './check.ts';
import { checkAddress, checkCredentials, checkLockout, checkQuota } from './connection.ts';
import { checkClock, checkEvents, checkRecording, checkSignature } from './events.ts';
import type { SelfTestFacts } from './facts.ts';
import { checkDisk, checkTemporal, checkWorker } from './machinery.ts';
import { checkMapping, checkOperators } from './people.ts';

export * from './check.ts';
export * from './facts.ts';

const RULES: readonly ((facts: SelfTestFacts) => Check)[] = [
  checkCredentials,
  checkLockout,
  checkQuota,
  checkAddress,
  checkEvents,
  checkSignature,
  checkClock,
  checkOperators,
  checkMapping,
  checkRecording,
  checkTemporal,
  checkWorker,
  checkDisk,
];

/** «I connected it and nothing happens — why?»: one verdict for each thing that can be the reason. */
export const judge = (facts: SelfTestFacts): readonly Check[] => RULES.map((rule) => rule(facts));

/** The worst of all. */
export const worstOf = (checks: readonly Check[]): Verdict =>
  VERDICTS.find((verdict) => checks.some((check) => check.verdict === verdict)) ?? 'ok';
