import type { Call } from '../call.ts';
import type { CallbackDesk } from '../callback-desk.ts';
import type { Leg } from '../entry.ts';
import { digitsOf } from '../staff.ts';
import type { Switchboard } from '../switchboard.ts';
import { TransferableCall } from '../transfers.ts';
import type { Params, Reply } from './replies.ts';
import { Refused, done } from './replies.ts';

/** What commands act upon. */
export interface CommandSite {
  readonly switchboard: Switchboard;
  readonly callbacks: CallbackDesk;
  /** The answer does not wait for what the command sets going. */
  readonly background: (work: () => Promise<void>) => void;
}

interface FoundLeg {
  readonly call: TransferableCall;
  readonly leg: Leg;
}

/** `/vpbx/commands/callback` (mango-api §4.1). */
export function callback(params: Params, site: CommandSite): Reply {
  const commandId = commandIdOf(params);
  const from = params.inner('from');
  const extension = from.text('extension');
  const { account } = site.switchboard;
  if (!account.operators.some((operator) => operator.extension === extension))
    throw new Refused(3100, `no operator ${extension}`);
  const device = from.optional('number');
  order(site, {
    commandId,
    extension,
    to: targetOf(params.text('to_number')),
    ...lineOf(params, site),
    ...(device ? { device } : {}),
  });
  return done(commandId);
}

/** `/vpbx/commands/callback_group` (§4.2): one side is a group; its first member stands for it. */
export function callbackGroup(params: Params, site: CommandSite): Reply {
  const commandId = commandIdOf(params);
  const [from, to] = [params.text('from'), params.text('to')];
  params.text('line_number');
  const group = site.switchboard.account.groups.find((one) => one.extension === from || one.extension === to);
  const member = group?.members[0];
  if (!group || !member) throw new Refused(3100, 'neither from nor to is a group');
  order(site, {
    commandId,
    extension: member,
    to: targetOf(group.extension === from ? to : from),
    ...lineOf(params, site),
    resultKind: 'callback_group',
  });
  return done(commandId);
}

/** `/vpbx/commands/call/hangup` (§4.3). */
export function hangUp(params: Params, site: CommandSite): Reply {
  const commandId = commandIdOf(params);
  const { call, leg } = openLeg(params.text('call_id'), site);
  if (leg.location === 'queue') throw new Refused(4001, 'a queue cannot be hung up');
  site.background(async () => {
    await call.hangUpLeg(leg, commandId);
    await call.result('call/hangup', commandId);
    if (call.isOver) await call.finish();
  });
  return done(commandId);
}

/** `/vpbx/commands/transfer` (§4.4). */
export function transfer(params: Params, site: CommandSite): Reply {
  const commandId = commandIdOf(params);
  const method = params.text('method');
  if (method !== 'blind' && method !== 'hold') throw new Refused(3104, 'method is blind or hold');
  const { call, leg } = openLeg(params.text('call_id'), site);
  if (leg.state !== 'Connected') throw new Refused(4100, 'the leg is not connected');
  const by = initiatorOn(leg, params.text('initiator'));
  const target = targetOf(params.text('to_number'));
  site.background(async () => {
    await (method === 'blind' ? call.blindTransfer(by, target, { commandId }) : call.consult(by, target, { commandId }));
    await call.result('transfer', commandId);
  });
  return done(commandId);
}

/** `/vpbx/commands/transfer_cancel`. */
export function cancelTransfer(params: Params, site: CommandSite): Reply {
  const commandId = commandIdOf(params);
  const { call, leg } = openLeg(params.text('call_id'), site);
  if (leg.state !== 'OnHold') throw new Refused(4100, 'the leg is not on hold');
  site.background(async () => {
    await call.abandonConsultationOf(leg);
    await call.result('transfer_cancel', commandId);
  });
  return done(commandId);
}

/** `/vpbx/commands/call/hold/on`. */
export function holdOn(params: Params, site: CommandSite): Reply {
  const commandId = commandIdOf(params);
  const { call, leg } = openLeg(params.text('call_id'), site);
  if (leg.state !== 'Connected') throw new Refused(4100, 'the leg is not connected');
  const by = initiatorOn(leg, params.text('initiator'));
  site.background(async () => {
    await call.hold(by, commandId);
    await call.result('call/hold/on', commandId);
  });
  return done(commandId);
}

/** `/vpbx/commands/route` (§4.4): from a menu or queue, or intercepting a leg that still rings. */
export function route(params: Params, site: CommandSite): Reply {
  const commandId = commandIdOf(params);
  const { call, leg } = openLeg(params.text('call_id'), site);
  if (leg.location === 'abonent' && leg.state !== 'Appeared') throw new Refused(4100, 'the leg is already answered');
  const target = targetOf(params.text('to_number'));
  site.background(async () => void (await call.route(leg, target, commandId)));
  return done(commandId);
}

/** `/vpbx/commands/recording/start` (§4.5). */
export function startRecording(params: Params, site: CommandSite): Reply {
  const commandId = commandIdOf(params);
  const { call, leg } = openLeg(params.text('call_id'), site);
  const extension = operatorOn(leg, params.text('call_party_number'));
  if (extension === undefined) throw new Refused(3330, 'the number is not an operator of this call');
  if (leg.state !== 'Connected') throw new Refused(4100, 'the leg is not connected');
  if (call.isRecording(extension)) throw new Refused(4102, 'already recording');
  site.background(async () => {
    await call.startRecording(extension, commandId);
    await call.result('recording/start', commandId);
  });
  return done(commandId);
}

interface CallbackOrder {
  readonly commandId: string;
  readonly extension: string;
  readonly to: string;
  readonly line?: string;
  readonly device?: string;
  readonly resultKind?: 'callback' | 'callback_group';
}

function order(site: CommandSite, options: CallbackOrder): void {
  const { result, resultComes } = site.callbacks.behaviour;
  if (result !== 1000) {
    const path = `/result/${options.resultKind ?? 'callback'}`;
    return site.background(() => site.switchboard.send(path, { command_id: options.commandId, result }));
  }
  const call = site.switchboard.callback({ ...options, resultComes });
  site.background(() => site.callbacks.take(call));
}

function commandIdOf(params: Params): string {
  const id = params.text('command_id');
  if (Buffer.byteLength(id) > 128) throw new Refused(3109, 'command_id is longer than 128 bytes');
  return id;
}

function targetOf(number: string): string {
  const digits = digitsOf(number);
  if (digits.startsWith('sip:') || /^\d{2,18}$/.test(digits)) return digits;
  throw new Refused(3200, 'not a number');
}

function lineOf(params: Params, site: CommandSite): { readonly line?: string } {
  const line = params.optional('line_number');
  if (line === undefined) return {};
  if (!site.switchboard.account.lines.includes(digitsOf(line))) throw new Refused(3124, 'the line does not suit outgoing calls');
  return { line: digitsOf(line) };
}

function openLeg(callId: string, site: CommandSite): FoundLeg {
  for (const call of site.switchboard.calls.values()) {
    const leg = call.openLegs.find((one) => one.id === callId);
    if (leg && isTransferable(call)) return { call, leg };
  }
  throw new Refused(4101, 'the call is over, or unknown');
}

function isTransferable(call: Call): call is TransferableCall {
  return call instanceof TransferableCall;
}

/** The initiator is named by extension or device, and must be an operator of the leg. */
function initiatorOn(leg: Leg, named: string): string {
  const extension = operatorOn(leg, named);
  if (extension === undefined) throw new Refused(3100, 'the initiator is no operator of this leg');
  return extension;
}

function operatorOn(leg: Leg, named: string): string | undefined {
  const found = [leg.to, leg.from].find(
    (party) => party.kind === 'operator' && (party.extension === named || party.device === named),
  );
  return found?.kind === 'operator' ? found.extension : undefined;
}
