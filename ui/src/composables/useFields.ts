import { computed, shallowRef } from 'vue';
import { client, Problem } from '../client.ts';
import type { Customer, Field } from '../contract.ts';
import { on, onResume } from '../live/stream.ts';
import { formatDay, formatNumber, formatPhone } from '../format.ts';
import { t, textOf } from '../text/index.ts';
import { readOnceMore } from './read-again.ts';

const AGAIN_AFTER_MS = 3000;

const all = shallowRef<readonly Field[]>([]);
let known = false;
let wanted = false;
let againTimer: ReturnType<typeof setTimeout> | undefined;

const read = readOnceMore(async () => {
  wanted = true;
  clearTimeout(againTimer);
  try {
    const { items } = await client.fields.list();
    all.value = [...items].sort((a, b) => a.position - b.position);
    known = true;
  } catch (error) {
    // Without them a call's card cannot say who it is.
    if (!known && error instanceof Problem && error.isPassing) againTimer = setTimeout(() => void read(), AGAIN_AFTER_MS);
  }
});

/** Whoever has asked once hears of every change. */
const readAgain = (): void => void (wanted && read());
on('fields.changed', readAgain);
onResume(readAgain);

/** The customers' fields as an admin set them up; read once and shared. */
export function useFields() {
  if (!known) void read();
  return {
    fields: all,
    customFields: computed(() => all.value.filter((field) => !field.builtIn)),
    onCall: computed(() => all.value.filter((field) => field.showOnCall)),
    reload: read,
  };
}

/** A built-in field's name follows the interface's language; a custom one is called what the admin typed. */
export const fieldLabel = (field: Field): string => (field.builtIn ? textOf(`field.${field.key}`) : null) ?? field.label;

/** A field's value as one line of text; empty where there is none. */
export function fieldText(customer: Customer, field: Field): string {
  const value = field.builtIn ? customer[field.key as keyof Customer] : customer.customFields[field.key];
  if (value === null || value === undefined || value === '') return '';
  if (typeof value === 'boolean') return value ? t('common.yes') : t('common.no');
  if (Array.isArray(value))
    return value.map((item) => (field.key === 'phones' ? formatPhone(String(item)) : String(item))).join(', ');
  if (typeof value === 'number') return formatNumber(value, { useGrouping: false, maximumFractionDigits: 20 });
  return field.type === 'date' ? formatDay(String(value)) : String(value);
}
