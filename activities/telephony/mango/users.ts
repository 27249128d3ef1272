import { z } from 'zod';
import type { Answer, PbxDevice, PbxOperator } from '../port.ts';
import type { MangoClient } from './client.ts';

const text = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) => (value == null ? '' : String(value).trim()))
  .catch('');

const User = z.object({
  general: z.object({ name: text, email: text, user_id: text }).partial().nullish(),
  telephony: z
    .object({
      extension: text,
      numbers: z
        .array(z.object({ number: text, protocol: text, status: text }).partial())
        .nullish()
        .catch([]),
    })
    .partial()
    .nullish(),
});
const Users = z.object({ users: z.array(z.unknown()) });

export interface MangoUser extends PbxOperator {
  /** The id by which the extended statistics name an employee; null if it was not asked for. */
  readonly userId: string | null;
}

/**
 * Employees with an extension, as only those can be rung and mapped. Extensions stay strings: they have leading zeros
 * (mango-api §2.2, §4.7). An entry of an unknown shape is left out rather than failing all others.
 */
export function readUsers(body: unknown): readonly MangoUser[] | null {
  const list = Users.safeParse(body);
  if (!list.success) return null;
  const byExtension = new Map<string, MangoUser>();
  for (const entry of list.data.users) {
    const user = User.safeParse(entry);
    const extension = user.data?.telephony?.extension ?? '';
    if (!user.success || extension === '' || byExtension.has(extension)) continue;
    const { general, telephony } = user.data;
    byExtension.set(extension, {
      extension,
      fullName: general?.name ?? '',
      email: general?.email?.includes('@') ? general.email : null,
      devices: (telephony?.numbers ?? []).map(readDevice).filter((device) => device.number !== ''),
      userId: general?.user_id || null,
    });
  }
  return [...byExtension.values()];
}

function readDevice(number: { number?: string; protocol?: string; status?: string }): PbxDevice {
  return { number: number.number ?? '', protocol: number.protocol ?? '', on: number.status !== 'off' };
}

const MAX_BYTES = 8 * 1024 * 1024;

async function requestUsers(
  client: MangoClient,
  params: Readonly<Record<string, unknown>>,
): Promise<Answer<readonly MangoUser[]>> {
  const answer = await client.ask({ path: '/vpbx/config/users/request', group: 'users', params, maxBytes: MAX_BYTES });
  if (answer.outcome !== 'accepted') return answer;
  const users = readUsers(answer.value.body);
  return users ? { outcome: 'accepted', value: users } : { outcome: 'unknown', word: 'pbx_misunderstood' };
}

export async function listOperators(client: MangoClient): Promise<Answer<readonly PbxOperator[]>> {
  const users = await requestUsers(client, {});
  if (users.outcome !== 'accepted') return users;
  return { outcome: 'accepted', value: users.value.map(({ userId: _, ...operator }) => operator) };
}

/** Extensions by the ids that the extended statistics use. */
export async function extensionsByUserId(client: MangoClient): Promise<Answer<ReadonlyMap<string, string>>> {
  const users = await requestUsers(client, { ext_fields: ['general.user_id'] });
  if (users.outcome !== 'accepted') return users;
  return {
    outcome: 'accepted',
    value: new Map(users.value.flatMap(({ userId, extension }) => (userId ? [[userId, extension] as const] : []))),
  };
}
