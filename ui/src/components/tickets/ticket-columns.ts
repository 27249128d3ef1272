import type { PlainKey } from '../../text/index.ts';

export const COLUMNS = [
  'mark',
  'number',
  'subject',
  'customer',
  'phone',
  'status',
  'assignee',
  'createdAt',
  'updatedAt',
] as const;
export type Column = (typeof COLUMNS)[number];

/** Columns that an agent may switch on and off; the rest always stand. */
export const OPTIONAL_COLUMNS = ['phone', 'number', 'createdAt'] as const satisfies readonly Column[];

/** By which field a column's heading sorts. */
export const SORTABLE: Readonly<Partial<Record<Column, string>>> = {
  number: 'number',
  subject: 'subject',
  customer: 'customer',
  status: 'status',
  assignee: 'assignee',
  createdAt: 'createdAt',
  updatedAt: 'updatedAt',
};

export const HEADINGS: Readonly<Record<Column, PlainKey>> = {
  mark: 'column.mark',
  number: 'column.number',
  subject: 'column.subject',
  customer: 'column.customer',
  phone: 'column.phone',
  status: 'column.status',
  assignee: 'column.assignee',
  createdAt: 'column.createdAt',
  updatedAt: 'column.updatedAt',
};

export const shownColumns = (chosen: readonly string[]): Column[] =>
  COLUMNS.filter((column) => !(OPTIONAL_COLUMNS as readonly Column[]).includes(column) || chosen.includes(column));
