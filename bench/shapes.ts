import type { DemoPbx } from '../run/demo-pbx/pbx.ts';

const TALK_SECONDS = 1;
export const GROUP_SIZE = 20;

export type ShapeName = 'answered' | 'missed' | 'transferred' | 'group';

interface Shape {
  readonly title: string;
  /** How many operators one call needs, for itself while it lasts. */
  readonly operators: number;
  readonly recordings: number;
  /** Plays one whole call; resolves with the entry's id when its last event has been answered. */
  play(pbx: DemoPbx, phone: string, operators: readonly string[]): Promise<string>;
}

type Call = ReturnType<DemoPbx['incoming']>;

async function ended(call: Call): Promise<string> {
  await call.finish({ storedAfter: 0 });
  return call.id;
}

async function talkAndEnd(call: Call): Promise<string> {
  await call.pass(TALK_SECONDS);
  await call.hangUp();
  return ended(call);
}

/** The calls a centre has. Talks last a second: what they cost does not depend on how long they are. */
export const SHAPES: Readonly<Record<ShapeName, Shape>> = {
  answered: {
    title: 'answered, with a recording',
    operators: 1,
    recordings: 1,
    async play(pbx, phone, [who = '']) {
      const call = pbx.incoming({ from: phone });
      await call.ring(who);
      await call.answer(who);
      return talkAndEnd(call);
    },
  },
  missed: {
    title: 'missed',
    operators: 1,
    recordings: 0,
    async play(pbx, phone, [who = '']) {
      const call = pbx.incoming({ from: phone });
      await call.ring(who);
      await call.giveUp();
      return ended(call);
    },
  },
  transferred: {
    title: 'transferred, two talks',
    operators: 2,
    recordings: 2,
    async play(pbx, phone, [first = '', second = '']) {
      const call = pbx.incoming({ from: phone });
      await call.ring(first);
      await call.answer(first);
      await call.pass(TALK_SECONDS);
      await call.blindTransfer(first, second);
      await call.answer(second);
      return talkAndEnd(call);
    },
  },
  group: {
    title: `a group of ${GROUP_SIZE} rings, one answers`,
    operators: GROUP_SIZE,
    recordings: 1,
    async play(pbx, phone, operators) {
      const call = pbx.incoming({ from: phone });
      await call.ringAll(operators);
      await call.answer(operators[0] ?? '');
      return talkAndEnd(call);
    },
  },
};
