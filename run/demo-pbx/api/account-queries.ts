import type { Account, Operator } from '../staff.ts';
import { userIdOf } from '../staff.ts';
import type { Params, Reply } from './replies.ts';
import { json } from './replies.ts';

/** `/vpbx/config/users/request` (mango-api §4.7): no `result` in the answer. */
export function users(params: Params, account: Account): Reply {
  const extension = params.optional('extension');
  const wanted = new Set(params.list('ext_fields'));
  const found = account.operators.filter((operator) => extension === undefined || operator.extension === extension);
  return json({ users: found.map((operator) => presentUser(operator, account, wanted)) });
}

function presentUser(operator: Operator, account: Account, wanted: ReadonlySet<unknown>): Record<string, unknown> {
  const groups = account.groups.filter((group) => group.members.includes(operator.extension));
  return {
    general: {
      name: operator.name,
      email: operator.email,
      department: '',
      position: '',
      ...(wanted.has('general.user_id') ? { user_id: userIdOf(operator.extension, account) } : {}),
      ...(wanted.has('general.sips') ? { sips: [{ number: operator.device.replace(/^sip:/, '') }] } : {}),
      ...(wanted.has('general.mobile') ? { mobile: '' } : {}),
    },
    telephony: {
      extension: operator.extension,
      outgoingline: account.lines[0] ?? null,
      numbers: [operator.device, ...(operator.otherDevices ?? [])].map((number, order) => ({
        number,
        protocol: number.startsWith('sip:') ? 'sip' : 'tel',
        order,
        wait_sec: '60',
        status: 'on',
      })),
    },
    ...(wanted.has('groups') ? { groups: groups.map((group) => groupIdOf(group.extension)) } : {}),
  };
}

/** `/vpbx/groups`. */
export function groups(params: Params, account: Account): Reply {
  const withMembers = params.optional('show_users') === '1';
  const [groupId, operatorExtension] = [params.optional('group_id'), params.optional('operator_extension')];
  const found = account.groups
    .filter((group) => groupId === undefined || String(groupIdOf(group.extension)) === groupId)
    .filter((group) => operatorExtension === undefined || group.members.includes(operatorExtension));
  return json({
    result: 1000,
    groups: found.map((group) => ({
      id: groupIdOf(group.extension),
      name: group.name,
      description: '',
      extension: group.extension,
      dial_alg_group: 2,
      dial_alg_users: 2,
      ...(withMembers ? { operators: group.members.map((extension, order) => presentMember(extension, order, account)) } : {}),
    })),
  });
}

function presentMember(extension: string, order: number, account: Account): Record<string, unknown> {
  const operator = account.operators.find((one) => one.extension === extension);
  return { id: userIdOf(extension, account), name: operator?.name ?? '', extension, priority: 1, order };
}

function groupIdOf(extension: string): number {
  return 1_000_000 + Number(extension);
}

/** `/vpbx/incominglines`. */
export function incomingLines(_params: Params, account: Account): Reply {
  return json({
    result: 1000,
    lines: account.lines.map((number, index) => ({
      line_id: 500_000 + index,
      number,
      name: `Линия ${index + 1}`,
      comment: '',
      region: '',
      schema_id: 700_000,
      schema_name: 'По умолчанию',
    })),
  });
}

/** `/vpbx/account/balance`. */
export function balance(): Reply {
  return json({ result: 1000, balance: 1000, currency: 'RUB' });
}
