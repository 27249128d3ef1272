import type { Nought } from './checker/check.ts';

interface Edit {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** A mistake that somebody might make, and the count by which the checker must notice it. */
export interface Mutant {
  readonly name: string;
  readonly mistake: string;
  readonly caughtBy: readonly Nought[];
  readonly edits: readonly Edit[];
  /** Faults that must strike for the mistake to matter, beside those that are drawn. */
  readonly needs?: readonly string[];
  /** Names of the only shapes of stories in which it matters. */
  readonly only?: readonly string[];
}

const MANGO = 'api/routes/mango.ts';
const LATE_EVENTS = 'PBX sending single events a minute and a half late';
const HALF_WAY = 'kill -9 the workers half-way through a download';
const LATE_ANSWERS = 'PBX telling of answers three seconds late';
const TAKEN = '      await take(request, path);\n      response.status(200).json({ success: true });\n';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'answer-before-commit',
    mistake: 'a webhook is answered 200 before it is stored',
    caughtBy: ['lost'],
    edits: [
      {
        file: MANGO,
        find: TAKEN,
        put: '      const taking = take(request, path);\n      response.status(200).json({ success: true });\n      await taking.catch(() => undefined);\n',
      },
    ],
    needs: ['database away for 4 s'],
  },
  {
    name: 'answer-200-always',
    mistake: 'whatever goes wrong, the PBX hears 200',
    caughtBy: ['lost'],
    edits: [
      {
        file: MANGO,
        find: '    if (error instanceof SenderGone) {',
        put: '    if (!(error instanceof SenderGone)) {\n      response.status(200).json({ success: true });\n      return;\n    }\n    if (error instanceof SenderGone) {',
      },
    ],
    needs: ['database away for 4 s'],
  },
  {
    name: 'cursor-by-id',
    mistake: 'the inbox is followed by "ids above the last one seen"',
    caughtBy: ['inboxOld', 'callsOpen', 'noTicket', 'actionLost'],
    edits: [
      {
        file: 'db/inbox.ts',
        find: 'export async function findWaitingEntries(',
        put: 'let cursor = 0;\nexport async function findWaitingEntries(',
      },
      {
        file: 'db/inbox.ts',
        find: '     where head.delivered_at is null and head.entry is not null\n       and head.next_attempt_at',
        put: '     where head.id > ${cursor} and head.delivered_at is null and head.entry is not null\n       and head.next_attempt_at',
      },
      {
        file: 'db/inbox.ts',
        find: '  return rows.map((row) => ({ integrationId: row.integration_id, entry: row.entry }));',
        put:
          '  const seen = await db.raw<{ rows: { id: string | null }[] }>(`select max(id) as id from inbox where delivered_at is null`);\n' +
          '  cursor = Math.max(cursor, Number(seen.rows[0]?.id ?? 0));\n' +
          '  return rows.map((row) => ({ integrationId: row.integration_id, entry: row.entry }));',
      },
    ],
    needs: ['temporal away for 15 s'],
  },
  {
    name: 'order-of-arrival',
    mistake: 'the workflow numbers the events of a leg as they come, and not by their own key',
    caughtBy: ['different', 'noTicket', 'answeredAsMissed', 'storiesBroken'],
    edits: [
      { file: 'domain/facts.ts', find: 'const known = leg[message.seq];', put: 'const known: LegFact | undefined = undefined;' },
      {
        file: 'domain/facts.ts',
        find: '{ ...leg, [message.seq]: fact }',
        put: '{ ...leg, [Object.keys(leg).length + 1]: fact }',
      },
      { file: 'domain/legs.ts', find: 'Object.values(bySeq).sort((a, b) => a.seq - b.seq)', put: 'Object.values(bySeq)' },
    ],
    needs: [LATE_ANSWERS, LATE_ANSWERS, LATE_ANSWERS],
    only: ['answered', 'softphone'],
  },
  {
    name: 'second-run',
    mistake: 'an event that comes late starts the workflow of a finished call again',
    caughtBy: ['twoTickets', 'missedTwice', 'different', 'workflowsRunning', 'callsOpen'],
    edits: [
      {
        file: 'activities/dispatcher/send.ts',
        find: 'delivery.over ? await signalRunning(deps, delivery) : await signalOrStart(deps, delivery)',
        put: 'await signalOrStart(deps, delivery)',
      },
      {
        file: 'activities/dispatcher/send.ts',
        find: "      signalArgs: signalArgsOf(messages, delivery),\n      workflowIdReusePolicy: 'REJECT_DUPLICATE'",
        put: "      signalArgs: signalArgsOf(messages, delivery),\n      workflowIdReusePolicy: 'ALLOW_DUPLICATE'",
      },
    ],
    needs: [LATE_EVENTS, LATE_EVENTS],
  },
  {
    name: 'drop-the-draft',
    mistake: 'the automatic ticket forgets what was typed',
    caughtBy: ['textLost'],
    edits: [
      {
        file: 'activities/decisions/talks.ts',
        find: "return row ?? { subject: '', gist: '' };",
        put: "return row && { subject: '', gist: '' } || { subject: '', gist: '' };",
      },
    ],
  },
  {
    name: 'final-name-at-once',
    mistake: 'a recording is written under its final name from the first byte on',
    caughtBy: ['wrongBytes', 'recordingLost', 'pendingAfterT'],
    edits: [
      {
        file: 'activities/recordings/disk-store.ts',
        find: '          const stored = await write(draft, stream);\n',
        put:
          '          await mkdir(dirname(path), { recursive: true, mode: 0o700 });\n' +
          '          if (Date.now() > 0) return await write(path, stream);\n' +
          '          const stored = await write(draft, stream);\n',
      },
    ],
    needs: [HALF_WAY],
  },
  {
    name: 'dial-again',
    mistake: 'a callback whose answer was lost is ordered again',
    caughtBy: ['dialledTwice'],
    edits: [
      {
        file: 'workflows/steps.ts',
        find: 'retry: { maximumAttempts: 1 },',
        put: "retry: { maximumAttempts: 5, initialInterval: '200ms' },",
      },
      {
        file: 'activities/commands.ts',
        find: "      return { state: 'unknown' };",
        put: "      throw new Error('The answer was lost');",
      },
      // Each of these two alone keeps a second order from the PBX.
      { file: 'activities/commands.ts', find: "if (taken === 0) return { state: 'unknown' };", put: '' },
      { file: 'activities/telephony/mango/commands.ts', find: 'if (earlier) return earlier;', put: '' },
    ],
    needs: ['PBX losing its answers', 'PBX losing its answers'],
    only: ['missed, called back', 'answered, called back'],
  },
  {
    name: 'stream-to-all',
    mistake: 'events of the stream go to every agent, and the browser is to choose',
    caughtBy: ['sseForeign'],
    edits: [
      {
        file: 'api/stream/hub.ts',
        find: 'if (row.agent_id !== null) return byAgent.get(row.agent_id) ?? [];',
        put: 'if (row.agent_id !== null) return everyone();',
      },
    ],
  },
  {
    name: 'log-the-body',
    mistake: 'the body of each webhook is written to the log, past the logger, which would have masked it',
    caughtBy: ['leaks'],
    edits: [
      {
        file: MANGO,
        find: '    const form = parseForm(await readBody(request));\n',
        put: '    const form = parseForm(await readBody(request));\n    process.stdout.write(form.json);\n',
      },
    ],
  },
  {
    name: 'timer-does-not-look',
    mistake: 'a timer set while it rings ends the call, whoever has answered since',
    caughtBy: ['answeredAsMissed', 'noTicket', 'different'],
    edits: [
      {
        file: 'domain/decisions.ts',
        find: 'if (facts.heardAt === 0 || !view.allLegsOver) return null;',
        put: 'if (facts.heardAt === 0) return null;\n  if (!view.allLegsOver) return facts.heardAt + 300;',
      },
    ],
    only: ['answered'],
  },
];

export function mutantNamed(name: string): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name);
  if (!found) throw new Error(`No mutant is called ${name}: there are ${MUTANTS.map((mutant) => mutant.name).join(', ')}`);
  return found;
}
