import type { FieldRow } from '../db/fields.ts';
import type { FieldError } from './contract/problem.ts';

/** The thirty-first of February is a date in the wrong month, and none to whoever typed it. */
function isDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** Only these two: a `javascript:` link is none. */
function isLink(text: string): boolean {
  try {
    return ['http:', 'https:'].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

function fits(field: FieldRow, value: string | number | boolean): boolean {
  switch (field.type) {
    case 'text':
      return typeof value === 'string' && !/[\r\n]/.test(value);
    case 'multiline':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'checkbox':
      return typeof value === 'boolean';
    case 'date':
      return typeof value === 'string' && isDate(value);
    case 'select':
      return typeof value === 'string' && field.options.includes(value);
    case 'link':
      return typeof value === 'string' && isLink(value);
  }
}

/** Which values do not fit their fields; null (no value) fits all. */
export function customFieldErrors(
  fields: readonly FieldRow[],
  values: Readonly<Record<string, string | number | boolean | null>>,
): FieldError[] {
  const byKey = new Map(fields.filter((field) => !field.built_in).map((field) => [field.key, field]));
  return Object.entries(values).flatMap(([key, value]) => {
    const field = byKey.get(key);
    const name = `customFields.${key}`;
    if (!field) return [{ field: name, code: 'unknown_field', message: `There is no custom field ${key}` }];
    if (value === null || fits(field, value)) return [];
    return [{ field: name, code: 'invalid_value', message: `Not a value of type ${field.type}` }];
  });
}
