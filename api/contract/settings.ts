import { z } from 'zod';
import { instant, instantInput, json, line, paging, person, serialId, text, uuid } from './common.ts';
import { channel } from './tickets.ts';

export const FIELD_TYPES = ['text', 'multiline', 'number', 'date', 'checkbox', 'select', 'link'] as const;
export const fieldType = z.enum(FIELD_TYPES);
export type FieldType = z.infer<typeof fieldType>;

export const field = z
  .strictObject({
    id: uuid,
    /** Built-in: a property of Customer. Custom: a key of `customFields`. */
    key: z.string(),
    label: z.string(),
    type: fieldType,
    options: z.array(z.string()),
    position: z.number().int(),
    builtIn: z.boolean(),
    /** «Входящий звонок»: shown on the card of an incoming call. */
    showOnCall: z.boolean(),
  })
  .meta({ id: 'Field' });
export type Field = z.infer<typeof field>;

const options = z.array(line(200)).max(200);
export const newField = z
  .strictObject({
    /** Made from the label if not given. */
    key: z
      .string()
      .regex(/^[a-z][a-zA-Z0-9_]{0,62}$/, { error: 'invalid_key' })
      .optional(),
    label: line(100),
    type: fieldType,
    options: options.optional(),
    showOnCall: z.boolean().optional(),
  })
  .meta({ id: 'NewField' });
export type NewField = z.infer<typeof newField>;

export const fieldChange = z
  .strictObject({ label: line(100).optional(), options: options.optional(), showOnCall: z.boolean().optional() })
  .meta({ id: 'FieldChange' });
export type FieldChange = z.infer<typeof fieldChange>;
/** All fields in their new order. */
export const fieldOrder = z.strictObject({ ids: z.array(uuid).min(1).max(1000) }).meta({ id: 'FieldOrder' });

const days = z.number().int().min(1).max(36_500);
const settingProperties = {
  /** ISO 3166: how numbers without a country code are read. */
  phoneCountry: z.string().regex(/^[A-Z]{2}$/, { error: 'unknown_country' }),
  /** IANA name, e.g. Europe/Moscow. */
  timezone: text(64, 1),
  /** Null: kept for ever. */
  recordingRetentionDays: days.nullable(),
  rawEventRetentionDays: days.nullable(),
  /** Admins without a second factor may do nothing but set one up. */
  adminSecondFactorRequired: z.boolean(),
};
export const SETTING_KEYS = [
  'phoneCountry',
  'timezone',
  'recordingRetentionDays',
  'rawEventRetentionDays',
  'adminSecondFactorRequired',
] as const;
export type SettingKey = (typeof SETTING_KEYS)[number];
export const settings = z
  .strictObject({
    ...settingProperties,
    /** Given in the environment: cannot be changed here. */
    fromEnvironment: z.array(z.enum(SETTING_KEYS)),
  })
  .meta({ id: 'Settings' });
export type Settings = z.infer<typeof settings>;
export const settingsChange = z.strictObject(settingProperties).partial().meta({ id: 'SettingsChange' });
export type SettingsChange = z.infer<typeof settingsChange>;

const target = z.number().int().min(1).max(31_536_000).nullable();
export const slaTarget = z
  .strictObject({ channel, firstReplySeconds: target, anyReplySeconds: target, closeSeconds: target })
  .meta({ id: 'SlaTarget' });
export type SlaTarget = z.infer<typeof slaTarget>;
export const slaTargetChange = slaTarget.omit({ channel: true }).partial().meta({ id: 'SlaTargetChange' });
export type SlaTargetChange = z.infer<typeof slaTargetChange>;

const auditSubjectKind = z.enum([
  ...(['agent', 'field', 'integration', 'operator', 'customer', 'ticket'] as const),
  ...(['call', 'workflow', 'event', 'channel', 'section'] as const),
]);
export const auditEntry = z
  .strictObject({
    id: serialId,
    at: instant,
    agent: person.nullable(),
    address: z.string().nullable(),
    /** What was done, e.g. `agent.deactivated`. */
    action: z.string(),
    subject: z.string().nullable(),
    /** The subject as it is called now; without a name where it has none (any more). Null: about nothing but who did it. */
    about: z.strictObject({ kind: auditSubjectKind, id: z.string(), name: z.string().nullable() }).nullable(),
    detail: z.record(z.string(), json),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof auditEntry>;
export const auditQuery = z.strictObject({
  from: instantInput.optional(),
  to: instantInput.optional(),
  agentId: uuid.optional(),
  action: z
    .string()
    .regex(/^[a-z_.]{1,64}$/, { error: 'unknown_action' })
    .optional(),
  /** The id of the thing it was done to. */
  subject: text(200, 1).optional(),
  format: z.enum(['json', 'csv']).optional(),
  lang: z.enum(['ru', 'en']).default('ru'),
  ...paging,
});
export type AuditQuery = Partial<z.output<typeof auditQuery>>;
