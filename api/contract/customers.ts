import { z } from 'zod';
import { email, json, line, paging, phoneInput, phoneNumber, text, uuid } from './common.ts';

export const customer = z
  .strictObject({
    id: uuid,
    fullName: z.string(),
    phones: z.array(phoneNumber),
    emails: z.array(z.string()),
    company: z.string(),
    note: z.string(),
    customFields: z.record(z.string(), json),
  })
  .meta({ id: 'Customer' });
export type Customer = z.infer<typeof customer>;

const customFieldValue = z.union([text(4000), z.number(), z.boolean(), z.null()]);

const properties = {
  fullName: line(200),
  /** As typed; stored as E.164. */
  phones: z.array(phoneInput).max(50),
  emails: z.array(email).max(50),
  company: text(200),
  note: text(20_000),
  /** By the key of a field definition; merged key by key, null removes a value. */
  customFields: z.record(z.string().max(64), customFieldValue),
};

export const newCustomer = z
  .strictObject({
    fullName: properties.fullName,
    phones: properties.phones.optional(),
    emails: properties.emails.optional(),
    company: properties.company.optional(),
    note: properties.note.optional(),
    customFields: properties.customFields.optional(),
  })
  .meta({ id: 'NewCustomer' });
export type NewCustomer = z.infer<typeof newCustomer>;

export const customerChange = z
  .strictObject({
    fullName: properties.fullName.optional(),
    phones: properties.phones.optional(),
    emails: properties.emails.optional(),
    company: properties.company.optional(),
    note: properties.note.optional(),
    customFields: properties.customFields.optional(),
  })
  .meta({ id: 'CustomerChange' });
export type CustomerChange = z.infer<typeof customerChange>;

/** `q`: every word must stand in some field; what looks like a phone number is compared by its digits. */
export const customerQuery = z.strictObject({ q: text(200).optional(), ...paging });
export type CustomerQuery = Partial<z.output<typeof customerQuery>>;
