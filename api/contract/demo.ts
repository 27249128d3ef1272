import { z } from 'zod';
import { instant, person, phoneNumber } from './common.ts';

/** An extension or a number, as people dial it. */
const dialled = z.string().regex(/^\+?[0-9][0-9 ()-]{1,30}$/, { error: 'invalid_phone' });

export const demoPhone = z
  .strictObject({
    extension: z.string(),
    name: z.string(),
    /** A softphone with a person at it; false for robots, who are only called. */
    staffed: z.boolean(),
    agent: person.nullable(),
  })
  .meta({ id: 'DemoPhone' });
export type DemoPhone = z.infer<typeof demoPhone>;

/** What there is to play with. Everything is empty while no demo PBX is connected. */
export const demo = z
  .strictObject({
    connected: z.boolean(),
    phones: z.array(demoPhone),
    groups: z.array(z.strictObject({ extension: z.string(), name: z.string(), members: z.array(z.string()) })),
    lines: z.array(phoneNumber),
    /** Numbers to call from, with those who have them in the helpdesk. */
    callers: z.array(z.strictObject({ phone: phoneNumber, names: z.array(z.string()) })),
  })
  .meta({ id: 'Demo' });
export type Demo = z.infer<typeof demo>;

const demoActionName = z.enum([
  'answer',
  'noAnswer',
  'busy',
  'reject',
  'hold',
  'unhold',
  'consult',
  'completeTransfer',
  'abandonConsultation',
  'blindTransfer',
  'returnBlind',
  'hangUp',
  'giveUp',
  'ring',
  'operatorAnswers',
  'operatorDoesNotAnswer',
]);
export type DemoActionName = z.infer<typeof demoActionName>;
/** What somebody does with a live call. `who` is an extension or the customer's number, `target` where the call is to go. */
export const demoAction = z
  .strictObject({ action: demoActionName, who: dialled.optional(), target: dialled.optional() })
  .meta({ id: 'DemoAction' });
export type DemoAction = z.infer<typeof demoAction>;

export const demoLeg = z
  .strictObject({
    id: z.string(),
    place: z.enum(['menu', 'queue', 'phone']),
    /** Extensions or numbers; null for a hidden one. */
    from: z.string().nullable(),
    to: z.string().nullable(),
    state: z.enum(['ringing', 'talking', 'held', 'ended']),
    transfer: z.enum(['consultative', 'blind', 'return_blind']).nullable(),
    startedAt: instant,
    answeredAt: instant.nullable(),
  })
  .meta({ id: 'DemoLeg' });
export type DemoLeg = z.infer<typeof demoLeg>;

export const demoCall = z
  .strictObject({
    id: z.string(),
    direction: z.enum(['incoming', 'outgoing', 'internal']),
    /** E.164, or null for a hidden number. */
    customer: z.string().nullable(),
    line: z.string().nullable(),
    /** Ordered by the product: the agent's phone rings first. */
    callback: z.boolean(),
    startedAt: instant,
    legs: z.array(demoLeg),
    actions: z.array(z.strictObject({ action: z.string(), who: z.string().optional() })),
  })
  .meta({ id: 'DemoCall' });
export type DemoCall = z.infer<typeof demoCall>;

/** One webhook as the PBX sent it, and what the product answered. */
export const demoEvent = z
  .strictObject({
    kind: z.enum(['call', 'summary', 'recording', 'recordingStored', 'result', 'unused']),
    state: z.enum(['ringing', 'talking', 'held', 'ended']).nullable(),
    place: z.enum(['menu', 'queue', 'phone']).nullable(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    /** A second time, or more. */
    repeated: z.boolean(),
    /** Null: no answer, or it was lost on the way by order. */
    status: z.number().int().nullable(),
  })
  .meta({ id: 'DemoEvent' });
export type DemoEvent = z.infer<typeof demoEvent>;

const faultProperties = {
  duplicate: z.boolean(),
  reorder: z.boolean(),
  delay: z.boolean(),
  lose: z.boolean(),
  refuseCommands: z.boolean(),
  noRecording: z.boolean(),
  /** Callbacks ordered from a ticket ring until somebody answers them here, instead of being answered by themselves. */
  answerCallbacksByHand: z.boolean(),
};
export const demoSwitches = z.strictObject(faultProperties).meta({ id: 'DemoSwitches' });
export type DemoSwitches = z.infer<typeof demoSwitches>;
export const demoSwitchesChange = demoSwitches.partial().meta({ id: 'DemoSwitchesChange' });
export type DemoSwitchesChange = z.infer<typeof demoSwitchesChange>;

export const demoState = z
  .strictObject({ calls: z.array(demoCall), events: z.array(demoEvent), switches: demoSwitches })
  .meta({ id: 'DemoState' });
export type DemoState = z.infer<typeof demoState>;

/** A new call: from a customer to whoever is rung, or from a softphone. */
export const newDemoCall = z
  .strictObject({
    direction: z.enum(['incoming', 'outgoing', 'internal']),
    /** The caller's number (null: hidden), or the extension that dials. */
    from: dialled.nullable(),
    /** Extensions that ring, or the one number that is dialled; nobody: the voice menu alone. */
    to: z.array(dialled).max(20),
    line: phoneNumber.optional(),
    /** The group in whose queue the caller waits. */
    queue: dialled.optional(),
  })
  .meta({ id: 'NewDemoCall' });
export type NewDemoCall = z.infer<typeof newDemoCall>;
