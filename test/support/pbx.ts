import type { DemoPbx, DemoPbxOptions } from '../../run/demo-pbx/pbx.ts';
import { createDemoPbx } from '../../run/demo-pbx/pbx.ts';
import type { Credentials } from '../../run/demo-pbx/signature.ts';
import { signedForm } from '../../run/demo-pbx/signature.ts';

export type { DemoPbx, DemoPbxOptions } from '../../run/demo-pbx/pbx.ts';
export type { CallFacts, RecordingFacts, RecordingPlan, TalkFacts } from '../../run/demo-pbx/facts.ts';
export type { Faults } from '../../run/demo-pbx/faults.ts';
export type { IncomingCall } from '../../run/demo-pbx/incoming.ts';
export type { InternalCall, OutgoingCall } from '../../run/demo-pbx/outgoing.ts';
export type { CallbackCall } from '../../run/demo-pbx/callback.ts';
export { CallOver } from '../../run/demo-pbx/call.ts';
export { wasAnswered } from '../../run/demo-pbx/facts.ts';
export { sign, signLink, signedForm } from '../../run/demo-pbx/signature.ts';
export { SCENARIOS, scenarioNamed } from '../../run/demo-pbx/scenarios/index.ts';
export { DEMO_ACCOUNT } from '../../run/demo-pbx/staff.ts';

/** What the demo PBX of the tests signs with; give the product the same. */
export const TEST_CREDENTIALS: Credentials = { key: 'testkey0001', salt: 'testsalt0002' };

/**
 * A started PBX (its API at `pbx.url`) with the instant clock, whose callbacks are played by hand. It tells the product at `targetUrl`
 * about its calls:
 *
 *   const call = pbx.incoming({ from: '+79161234567' });
 *   await call.ring('101'); await call.answer('101'); await call.pass(30); await call.hangUp(); await call.finish();
 *
 * Stop it with `await pbx.stop()`.
 */
export async function startPbx(options: DemoPbxOptions): Promise<DemoPbx> {
  const pbx = createDemoPbx({ ...TEST_CREDENTIALS, callbacks: { mode: 'manual' }, ...options });
  await pbx.start();
  return pbx;
}

/** One signed webhook, such as `signedPost(url, '/mango/events/call', {...})`. A text goes out byte for byte as it is. */
export async function signedPost(
  url: string,
  path: string,
  json: unknown,
  credentials: Credentials = TEST_CREDENTIALS,
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: string }> {
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: signedForm(text, credentials),
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}
