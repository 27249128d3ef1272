import { INCOMING_SCENARIOS } from './incoming.ts';
import { OUTGOING_SCENARIOS } from './outgoing.ts';
import type { Scenario } from './scenario.ts';
import { TRANSFER_SCENARIOS } from './transfers.ts';

export type { Playing, Scenario, ScenarioOptions } from './scenario.ts';

/** Every kind of call the PBX knows (mango-api §3), for the command line, the web page and tests. */
export const SCENARIOS: readonly Scenario[] = [...INCOMING_SCENARIOS, ...TRANSFER_SCENARIOS, ...OUTGOING_SCENARIOS];

export function scenarioNamed(name: string): Scenario | undefined {
  return SCENARIOS.find((one) => one.name === name);
}
