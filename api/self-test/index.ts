import { MANGO_TIMING } from '../../activities/telephony/mango/client.ts';
import type { PbxAccount } from '../../db/pbx-accounts.ts';
import { readBadAnswers, readEventFacts, readOperatorFacts, readRecordingFacts } from '../../db/self-test.ts';
import { judge, type Check, type PbxFacts, type SelfTestFacts } from '../../domain/self-test/index.ts';
import type { ApiDeps } from '../deps.ts';
import { readAddressFacts } from './address.ts';
import { readMachineryFacts } from './machinery.ts';

export interface SelfTestOutcome {
  readonly at: Date;
  readonly checks: readonly Check[];
  readonly lastOf: SelfTestFacts['events']['lastOf'];
}

const running = new Map<string, Promise<SelfTestOutcome>>();

/** Two admins who press the button at once cost the PBX one request. */
export function runSelfTest(deps: ApiDeps, account: PbxAccount): Promise<SelfTestOutcome> {
  const current = running.get(account.id);
  if (current) return current;
  const work = run(deps, account).finally(() => running.delete(account.id));
  running.set(account.id, work);
  return work;
}

async function run(deps: ApiDeps, { id, kind }: PbxAccount): Promise<SelfTestOutcome> {
  const { db, config } = deps;
  const [pbx, address, machinery, events, operators, recordings] = await Promise.all([
    askPbx(deps, id),
    readAddressFacts(config.publicUrl),
    readMachineryFacts(deps),
    readEventFacts(db, id),
    readOperatorFacts(db, id),
    readRecordingFacts(db, id),
  ]);
  const facts = { now: Date.now(), isDemo: kind === 'demo', pbx, address, machinery, events, operators, recordings };
  return { at: new Date(facts.now), checks: judge(facts), lastOf: events.lastOf };
}

/** One question within the quota; the client sends nothing that would be a second invalid request. */
async function askPbx({ db, telephony }: ApiDeps, integrationId: string): Promise<PbxFacts> {
  const answer = await telephony.forIntegration(integrationId).listOperators();
  const badAnswers = await readBadAnswers(db, integrationId, MANGO_TIMING.lockoutMs);
  switch (answer.outcome) {
    case 'accepted':
      return { answer: { outcome: 'accepted', extensions: answer.value.map(({ extension }) => extension) }, badAnswers };
    case 'locked_out':
      return { answer: { outcome: 'locked_out', until: answer.untilMs }, badAnswers };
    default:
      return { answer, badAnswers };
  }
}
