import type { Db, Executor, Transaction } from './pool.ts';

export type FieldType = 'text' | 'multiline' | 'number' | 'date' | 'checkbox' | 'select' | 'link';

export interface FieldRow {
  readonly id: string;
  readonly key: string;
  readonly label: string;
  readonly type: FieldType;
  readonly options: readonly string[];
  readonly position: number;
  readonly built_in: boolean;
  readonly show_on_call: boolean;
}

export const listFields = async (db: Executor): Promise<FieldRow[]> =>
  (await db('field_definitions').orderBy(['position', 'key'])) as FieldRow[];

export const findField = async (db: Executor, id: string): Promise<FieldRow | undefined> =>
  (await db('field_definitions').where({ id }).first()) as FieldRow | undefined;

export interface NewField {
  readonly key: string | undefined;
  readonly label: string;
  readonly type: FieldType;
  readonly options: readonly string[];
  readonly showOnCall: boolean;
}

/** One at a time, so that two made at once get two keys and two places. */
const lockFields = (trx: Transaction) => trx.raw('lock table field_definitions in share row exclusive mode');

/** Latin letters of the label, or `field`; with a number behind it until nobody else has it. */
function freeKey(label: string, taken: ReadonlySet<string>): string {
  const words = label.match(/[A-Za-z0-9]+/g) ?? [];
  const camel = words
    .map((word, index) => (index === 0 ? word.toLowerCase() : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('');
  const base = /^[a-z]/.test(camel) ? camel.slice(0, 50) : 'field';
  for (let number = 1; ; number += 1) {
    const key = number === 1 && base !== 'field' ? base : `${base}${number}`;
    if (!taken.has(key)) return key;
  }
}

/** Undefined where there are too many already. */
export async function insertField(trx: Transaction, field: NewField, max: number): Promise<FieldRow | undefined> {
  await lockFields(trx);
  const known = await listFields(trx);
  if (known.length >= max) return undefined;
  const [row] = (await trx('field_definitions')
    .insert({
      key: field.key ?? freeKey(field.label, new Set(known.map(({ key }) => key))),
      label: field.label,
      type: field.type,
      options: JSON.stringify(field.options),
      show_on_call: field.showOnCall,
      position: Math.max(-1, ...known.map(({ position }) => position)) + 1,
    })
    .returning('*')) as FieldRow[];
  return row;
}

export async function updateField(
  trx: Executor,
  id: string,
  change: {
    readonly label?: string | undefined;
    readonly options?: readonly string[] | undefined;
    readonly showOnCall?: boolean | undefined;
  },
): Promise<FieldRow | undefined> {
  const values = {
    ...(change.label === undefined ? {} : { label: change.label }),
    ...(change.options === undefined ? {} : { options: JSON.stringify(change.options) }),
    ...(change.showOnCall === undefined ? {} : { show_on_call: change.showOnCall }),
  };
  if (Object.keys(values).length === 0) return findField(trx, id);
  const [row] = (await trx('field_definitions').where({ id }).update(values).returning('*')) as FieldRow[];
  return row;
}

/** The field goes, and with it what customers had in it. */
export async function deleteField(trx: Transaction, field: FieldRow): Promise<void> {
  await trx('field_definitions').where({ id: field.id }).delete();
  await trx.raw('update customers set custom_fields = custom_fields - ?::text where jsonb_exists(custom_fields, ?)', [
    field.key,
    field.key,
  ]);
}

/** False unless `ids` are exactly the fields there are. */
export async function orderFields(db: Db, ids: readonly string[]): Promise<boolean> {
  return db.transaction(async (trx) => {
    await lockFields(trx);
    const known = (await listFields(trx)).map(({ id }) => id);
    const given = new Set(ids);
    if (known.length !== ids.length || known.some((id) => !given.has(id))) return false;
    await trx.raw(
      `update field_definitions set position = place - 1 from unnest(?::uuid[]) with ordinality as given (id, place)
       where field_definitions.id = given.id`,
      [[...ids]],
    );
    return true;
  });
}
