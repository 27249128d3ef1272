import { z } from 'zod';
import { instant, json, line, text, uuid } from './common.ts';

/** A PBX account. Key and salt go in and never come out. */
export const integration = z
  .strictObject({
    id: uuid,
    kind: z.enum(['mango', 'demo']),
    name: z.string(),
    apiUrl: z.string(),
    hasSecret: z.boolean(),
    /** Its values come from the environment and cannot be changed here. */
    fromEnvironment: z.boolean(),
    /** The address to enter in the PBX account. */
    webhookUrl: z.string(),
    createdAt: instant,
    lastEventAt: instant.nullable(),
    operatorsReadAt: instant.nullable(),
    operators: z.strictObject({
      total: z.number().int(),
      mapped: z.number().int(),
      ignored: z.number().int(),
      unmapped: z.number().int(),
    }),
  })
  .meta({ id: 'Integration' });
export type Integration = z.infer<typeof integration>;

const secret = z.string().regex(/^[\x21-\x7E]{1,256}$/, { error: 'characters_not_allowed' });

export const newIntegration = z
  .strictObject({
    kind: z.enum(['mango']).default('mango'),
    name: line(100),
    apiUrl: text(500, 1).optional(),
    apiKey: secret,
    apiSalt: secret,
  })
  .meta({ id: 'NewIntegration' });
export type NewIntegration = z.input<typeof newIntegration>;

export const integrationChange = z
  .strictObject({
    name: line(100).optional(),
    apiUrl: text(500, 1).optional(),
    apiKey: secret.optional(),
    apiSalt: secret.optional(),
  })
  .meta({ id: 'IntegrationChange' });
export type IntegrationChange = z.infer<typeof integrationChange>;

export const operator = z
  .strictObject({
    id: uuid,
    integrationId: uuid,
    extension: z.string(),
    fullName: z.string(),
    email: z.string().nullable(),
    devices: z.array(json),
    agentId: uuid.nullable(),
    ignored: z.boolean(),
    /** The agent with the same e-mail or name, where nobody is mapped yet. */
    suggestedAgentId: uuid.nullable(),
    /** False once the PBX lists the operator no more. */
    present: z.boolean(),
  })
  .meta({ id: 'Operator' });
export type Operator = z.infer<typeof operator>;

export const operatorQuery = z.strictObject({ integrationId: uuid.optional() });

/** An ignored operator belongs to nobody. */
export const operatorChange = z
  .strictObject({ agentId: uuid.nullable().optional(), ignored: z.boolean().optional() })
  .refine((change) => !(change.ignored === true && typeof change.agentId === 'string'), {
    error: 'ignored_with_agent',
    path: ['ignored'],
  })
  .meta({ id: 'OperatorChange' });
export type OperatorChange = z.infer<typeof operatorChange>;

export const operatorsRefresh = z.strictObject({ integrationId: uuid.optional() }).meta({ id: 'OperatorsRefresh' });
/** What each PBX account answered; `code` says why it did not. */
export const operatorsRefreshed = z
  .strictObject({
    items: z.array(
      z.strictObject({
        integrationId: uuid,
        outcome: z.enum(['done', 'failed']),
        code: z.string().nullable(),
        operators: z.number().int().nullable(),
      }),
    ),
  })
  .meta({ id: 'OperatorsRefreshed' });
export type OperatorsRefreshed = z.infer<typeof operatorsRefreshed>;
