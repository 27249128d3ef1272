import type { DemoPbx } from '../../run/demo-pbx/pbx.ts';
import { furnish } from '../torture/campaign.ts';
import { accountOf, pastPbx } from '../torture/scene.ts';
import { startStack, type Stack } from '../torture/stack.ts';
import type { Scene } from '../torture/teller.ts';

export interface RunningScene {
  readonly pbx: DemoPbx;
  readonly stack: Stack;
  readonly scene: Scene;
  stop(): Promise<void>;
}

/** The whole product in processes of its own, with a PBX, an admin and agents at their desks; `env` is what differs from the usual settings. */
export async function startScene(
  options: Parameters<typeof pastPbx>[0],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningScene> {
  const pbx = await pastPbx(options);
  const stack = await startStack({ pbx: accountOf(pbx), env });
  pbx.setTarget(stack.url);
  const scene = await furnish(stack, pbx);
  return {
    ...{ pbx, stack, scene },
    async stop() {
      for (const desk of scene.desks.values()) desk.end();
      await pbx.stop();
      await stack.stop();
    },
  };
}
