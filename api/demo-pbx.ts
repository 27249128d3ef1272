import { z } from 'zod';
import type { DemoAction, DemoCall, DemoEvent, DemoState, DemoSwitches, NewDemoCall } from './contract/demo.ts';
import { ProblemError } from './problems.ts';

const PATIENCE_MS = 5000;
const EVENTS_SHOWN = 14;
const DELAY_MS = 5000;
const LOST_SHARE = 0.3;
/** «Исчерпан лимит»: what the PBX would say of a callback it does not want to make. */
const REFUSAL_CODE = 2250;

const party = z.string().nullable();
const controlLeg = z.object({
  callId: z.string(),
  location: z.enum(['ivr', 'queue', 'abonent']),
  from: party,
  to: party,
  state: z.enum(['Appeared', 'Connected', 'OnHold', 'Disconnected']),
  transfer: z.enum(['consultative', 'blind', 'return_blind']).nullable(),
  appearedAt: z.number(),
  answeredAt: z.number().nullable(),
});
const controlCall = z.object({
  entryId: z.string(),
  direction: z.enum(['incoming', 'outgoing', 'internal']),
  customer: party,
  line: party,
  commandId: party,
  startedAt: z.number(),
  over: z.boolean(),
  legs: z.array(controlLeg),
  actions: z.array(z.object({ action: z.string(), who: z.string().optional() })),
});
const controlCalls = z.object({ items: z.array(controlCall) });
const controlFaults = z.object({
  deliveries: z.array(z.record(z.string(), z.unknown())).optional(),
  reorder: z.number().optional(),
  commands: z.array(z.unknown()).optional(),
  recordings: z.object({ none: z.boolean().optional() }).optional(),
});
const controlCallbacks = z.object({ mode: z.enum(['auto', 'manual']) });
const controlLog = z.object({
  sent: z.array(z.object({ path: z.string(), json: z.string(), copy: z.number(), status: z.number().nullable() })),
});
const side = z.object({ extension: z.string().optional(), number: z.string().optional() });
const sentEvent = z.object({
  call_state: controlLeg.shape.state.optional(),
  location: controlLeg.shape.location.optional(),
  from: side.optional(),
  to: side.optional(),
});
const controlAccount = z.object({
  operators: z.array(z.object({ extension: z.string(), name: z.string(), email: z.string() })),
  groups: z.array(z.object({ extension: z.string(), name: z.string(), members: z.array(z.string()) })),
  lines: z.array(z.string()),
});

const STATES = { Appeared: 'ringing', Connected: 'talking', OnHold: 'held', Disconnected: 'ended' } as const;
const PLACES = { ivr: 'menu', queue: 'queue', abonent: 'phone' } as const;
const KINDS: Readonly<Record<string, DemoEvent['kind']>> = {
  '/events/call': 'call',
  '/events/summary': 'summary',
  '/events/recording': 'recording',
  '/events/record/added': 'recordingStored',
  '/result/callback': 'result',
};

const time = (seconds: number): string => new Date(seconds * 1000).toISOString();
/** Extensions stay as they are; the PBX writes other numbers without the plus. */
const e164 = (name: string | null | undefined): string | null =>
  name === null || name === undefined || name === '' ? null : /^\d{7,}$/.test(name) ? `+${name}` : name;

function presentCall(call: z.output<typeof controlCall>): DemoCall {
  return {
    id: call.entryId,
    direction: call.direction,
    customer: e164(call.customer),
    line: e164(call.line),
    callback: call.commandId !== null,
    startedAt: time(call.startedAt),
    legs: call.legs.map((leg) => ({
      id: leg.callId,
      place: PLACES[leg.location],
      from: e164(leg.from),
      to: e164(leg.to),
      state: STATES[leg.state],
      transfer: leg.transfer,
      startedAt: time(leg.appearedAt),
      answeredAt: leg.answeredAt === null ? null : time(leg.answeredAt),
    })),
    actions: call.actions.map(({ action, who }) => ({ action, ...(who === undefined ? {} : { who: e164(who) ?? '' }) })),
  };
}

function presentEvent({ path, json, copy, status }: z.output<typeof controlLog>['sent'][number]): DemoEvent {
  const read = sentEvent.safeParse(JSON.parse(json));
  const { call_state: state, location, from, to } = read.success ? read.data : {};
  return {
    kind: KINDS[path] ?? 'unused',
    state: state ? STATES[state] : null,
    place: location ? PLACES[location] : null,
    from: e164(from?.extension ?? from?.number),
    to: e164(to?.extension ?? to?.number),
    repeated: copy > 0,
    status,
  };
}

/** The last event of a call has no neighbour, and the first not yet. */
const NEIGHBOUR_MS = 2000;
const faultsOf = (switches: DemoSwitches) => ({
  deliveries: [
    ...(switches.duplicate ? [{ duplicate: 1 }] : []),
    ...(switches.delay ? [{ delayMs: DELAY_MS }] : []),
    ...(switches.lose ? [{ lose: true, chance: LOST_SHARE }] : []),
  ],
  ...(switches.reorder ? { reorder: 2, reorderWithinMs: NEIGHBOUR_MS } : {}),
  commands: switches.refuseCommands ? [{ path: 'commands/callback', code: REFUSAL_CODE }] : [],
  recordings: switches.noRecording ? { none: true } : {},
});

function switchesOf(faults: z.output<typeof controlFaults>, mode: 'auto' | 'manual'): DemoSwitches {
  const some = (name: string): boolean => (faults.deliveries ?? []).some((rule) => rule[name] !== undefined);
  return {
    duplicate: some('duplicate'),
    reorder: faults.reorder !== undefined,
    delay: some('delayMs'),
    lose: some('lose'),
    refuseCommands: (faults.commands ?? []).length > 0,
    noRecording: faults.recordings?.none ?? false,
    answerCallbacksByHand: mode === 'manual',
  };
}

export type DemoControl = ReturnType<typeof createDemoControl>;

/** The demo PBX's control interface. The address comes from the configuration alone, which admits none but this machine's. */
export function createDemoControl(baseUrl: string) {
  async function ask<S extends z.ZodType>(schema: S, path: string, method = 'GET', body?: unknown): Promise<z.output<S>> {
    const response = await fetch(`${baseUrl}/control/${path}`, {
      method,
      redirect: 'error',
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw new ProblemError('demo_unreachable', { retryAfterSeconds: 2 }, error);
    });
    if (response.status === 404) throw new ProblemError('not_found');
    if (response.status === 400 || response.status === 409) throw new ProblemError('demo_refused');
    if (!response.ok) throw new ProblemError('demo_unreachable', { retryAfterSeconds: 2 });
    return schema.parse(await response.json());
  }
  const readSwitches = async (): Promise<DemoSwitches> => {
    const [faults, callbacks] = await Promise.all([ask(controlFaults, 'faults'), ask(controlCallbacks, 'callbacks')]);
    return switchesOf(faults, callbacks.mode);
  };

  return {
    account: async () => {
      const { operators, groups, lines } = await ask(controlAccount, 'account');
      return { operators, groups, lines: lines.map((line) => e164(line) ?? line) };
    },
    async state(): Promise<DemoState> {
      const [calls, log, switches] = await Promise.all([
        ask(controlCalls, 'calls'),
        ask(controlLog, `log?last=${EVENTS_SHOWN}`),
        readSwitches(),
      ]);
      return {
        calls: calls.items.filter(({ over }) => !over).map(presentCall),
        events: log.sent.map(presentEvent).reverse(),
        switches,
      };
    },
    call: async (call: NewDemoCall): Promise<DemoCall> => {
      const { direction, from, to, line, queue } = call;
      const menu = direction === 'incoming' && to.length === 0;
      const order = { direction, from, to, menu, ...(line ? { line: line.slice(1) } : {}), ...(queue ? { queue } : {}) };
      return presentCall(await ask(controlCall, 'calls/by-hand', 'POST', order));
    },
    act: async (id: string, action: DemoAction): Promise<DemoCall> =>
      presentCall(await ask(controlCall, `calls/${encodeURIComponent(id)}/actions`, 'POST', action)),
    async set(switches: DemoSwitches): Promise<DemoSwitches> {
      await ask(z.unknown(), 'faults', 'PUT', faultsOf(switches));
      await ask(z.unknown(), 'callbacks', 'PUT', { mode: switches.answerCallbacksByHand ? 'manual' : 'auto' });
      // What was being collected for reordering must not wait for events that will not come.
      if (!switches.reorder) await ask(z.unknown(), 'release', 'POST', {});
      return readSwitches();
    },
    switches: readSwitches,
  };
}
