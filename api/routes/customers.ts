import { z } from 'zod';
import type { CustomerView } from '../../db/calls.ts';
import {
  findCustomer,
  insertCustomer,
  listCustomers,
  lockCustomer,
  writeCustomer,
  type CustomerValues,
} from '../../db/customers.ts';
import { listFields } from '../../db/fields.ts';
import { inTransaction } from '../../db/pool.ts';
import { readSettings } from '../../db/settings.ts';
import { parsePhone } from '../../domain/phone.ts';
import { pageOf, uuid } from '../contract/common.ts';
import {
  customer,
  customerChange,
  customerQuery,
  newCustomer,
  type Customer,
  type CustomerChange,
} from '../contract/customers.ts';
import type { FieldError } from '../contract/problem.ts';
import { customFieldErrors } from '../custom-fields.ts';
import type { ApiDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { route } from '../route.ts';

const customerParams = z.strictObject({ id: uuid });

const present = (view: CustomerView): Customer => ({
  ...view,
  phones: [...view.phones],
  emails: [...view.emails],
  customFields: view.customFields as Customer['customFields'],
});

async function read(deps: ApiDeps, id: string): Promise<Customer> {
  const view = await findCustomer(deps.db, id);
  if (!view) throw new ProblemError('customer_not_found');
  return present(view);
}

/** As typed to E.164; the same number in two ways of writing is one. */
function readPhones(typed: readonly string[] | undefined, country: string, errors: FieldError[]): string[] | undefined {
  const phones = typed?.map((text, index) => {
    const phone = parsePhone(text, country);
    if (!phone) errors.push({ field: `phones[${index}]`, code: 'invalid_phone', message: 'Not a phone number' });
    return phone;
  });
  return phones && [...new Set(phones.filter((phone) => phone !== null))];
}

function uniqueEmails(emails: readonly string[] | undefined): string[] | undefined {
  return emails && [...new Map(emails.map((email) => [email.toLowerCase(), email])).values()];
}

/** All that is wrong with it at once, or the values to store. */
async function readValues(deps: ApiDeps, body: CustomerChange): Promise<CustomerValues> {
  const { phoneCountry } = await readSettings(deps.db, deps.config);
  const errors: FieldError[] = [];
  const phones = readPhones(body.phones, phoneCountry, errors);
  if (body.customFields) errors.push(...customFieldErrors(await listFields(deps.db), body.customFields));
  if (errors.length > 0) throw new ProblemError('invalid_request', { errors });
  return { ...body, phones, emails: uniqueEmails(body.emails) };
}

export const customerRoutes = [
  route({
    method: 'get',
    path: '/api/customers',
    summary: 'Customers, a page of them; `q` searches every field',
    tag: 'Customers',
    access: 'agent',
    query: customerQuery,
    response: pageOf(customer),
    handle: async ({ deps, query }) => {
      const { phoneCountry: country } = await readSettings(deps.db, deps.config);
      const { q, page, pageSize } = query;
      const { customers, total, more } = await listCustomers(
        deps.db,
        { q, country },
        { offset: (page - 1) * pageSize, limit: pageSize },
      );
      return { items: customers.map(present), total, ...(more ? { more } : {}) };
    },
  }),
  route({
    method: 'post',
    path: '/api/customers',
    summary: 'Make a customer',
    tag: 'Customers',
    access: 'agent',
    status: 201,
    body: newCustomer,
    response: customer,
    handle: async ({ deps, body }) => {
      const values = await readValues(deps, body);
      return read(deps, await inTransaction(deps.db, (trx) => insertCustomer(trx, { ...values, fullName: body.fullName })));
    },
  }),
  route({
    method: 'get',
    path: '/api/customers/{id}',
    summary: 'A customer',
    tag: 'Customers',
    access: 'agent',
    params: customerParams,
    response: customer,
    problems: ['customer_not_found'],
    handle: ({ deps, params }) => read(deps, params.id),
  }),
  route({
    method: 'patch',
    path: '/api/customers/{id}',
    summary: 'Change a customer; `phones` and `emails` are whole lists, `customFields` are merged',
    tag: 'Customers',
    access: 'agent',
    params: customerParams,
    body: customerChange,
    response: customer,
    problems: ['customer_not_found'],
    handle: async ({ deps, params, body }) => {
      const values = await readValues(deps, body);
      await inTransaction(deps.db, async (trx) => {
        if (!(await lockCustomer(trx, params.id))) throw new ProblemError('customer_not_found');
        await writeCustomer(trx, params.id, values);
      });
      return read(deps, params.id);
    },
  }),
];
