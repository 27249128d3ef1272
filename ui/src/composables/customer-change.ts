import type { CustomerChange, NewCustomer } from '../contract.ts';

type Values = Required<NewCustomer>;
const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);

/** What a colleague has added meanwhile stays, what was taken away here goes, what was added here comes last. */
function mergedList(before: readonly string[], after: readonly string[], now: readonly string[]): string[] {
  const theirs = now.filter((value) => !before.includes(value) && !after.includes(value));
  return [...after.filter((value) => now.includes(value) || !before.includes(value)), ...theirs];
}

/** What the form changed and nothing else, so that it undoes nothing that colleagues or calls have changed since it was opened. */
export function customerChange(before: Values, after: Values, now: Values): CustomerChange {
  const lists = (['phones', 'emails'] as const).filter((name) => differs(before[name], after[name]));
  const texts = (['fullName', 'company', 'note'] as const).filter((name) => before[name] !== after[name]);
  const fields = Object.entries(after.customFields).filter(([key, value]) => differs(before.customFields[key], value));
  return {
    ...Object.fromEntries(texts.map((name) => [name, after[name]])),
    ...Object.fromEntries(lists.map((name) => [name, mergedList(before[name], after[name], now[name])])),
    ...(fields.length ? { customFields: Object.fromEntries(fields) } : {}),
  };
}
