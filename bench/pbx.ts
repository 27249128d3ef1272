import { soundOf } from '../run/demo-pbx/audio.ts';
import { createDemoPbx, type DemoPbx } from '../run/demo-pbx/pbx.ts';
import { operator } from '../run/demo-pbx/staff.ts';
import { ACCOUNT, type Stage } from './stage.ts';

/** The demo PBX with the stage's operators: it plays whole calls in real time, and has their recordings. */
export async function startBenchPbx(stage: Stage): Promise<DemoPbx> {
  const operators = stage.agents.map(({ extension }) => operator(extension, `Agent ${extension}`, ''));
  const pbx = createDemoPbx({
    ...ACCOUNT,
    targetUrl: stage.url,
    account: { productId: 1, operators, groups: [], lines: ['74950000000'] },
    pace: 'real',
    logLimit: 1000,
  });
  // Encoding is dear, and done once for each operator.
  for (const { extension } of operators) soundOf(extension, 1, '');
  await pbx.start(stage.pbxPort);
  return pbx;
}
