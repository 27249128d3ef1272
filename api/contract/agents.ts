import { z } from 'zod';
import { email, instant, line, uuid } from './common.ts';
import { access, newPassword, role } from './session.ts';

export const agent = z
  .strictObject({
    id: uuid,
    fullName: z.string(),
    email: z.string(),
    role,
    access,
    team: z.string().nullable(),
    active: z.boolean(),
    /** False until the invitation was followed. */
    hasPassword: z.boolean(),
    /** Whether signing in takes a one-time code too. */
    secondFactor: z.boolean(),
    createdAt: instant,
    deactivatedAt: instant.nullable(),
  })
  .meta({ id: 'Agent' });
export type Agent = z.infer<typeof agent>;

/** Agents with the same team belong together in the statistics; null is none. */
const team = line(100).nullable();

export const newAgent = z
  .strictObject({
    ...{ fullName: line(200), email, role, access: access.optional(), team: team.optional() },
    password: newPassword.optional(),
  })
  .meta({ id: 'NewAgent' });
export type NewAgent = z.infer<typeof newAgent>;

/** `invitationUrl` is shown this once: it can be followed once, until `invitationExpiresAt`. */
export const agentCreated = agent
  .extend({ invitationUrl: z.string().nullable(), invitationExpiresAt: instant.nullable() })
  .meta({ id: 'AgentCreated' });
export type AgentCreated = z.infer<typeof agentCreated>;

export const agentChange = z
  .strictObject({
    fullName: line(200).optional(),
    email: email.optional(),
    role: role.optional(),
    access: access.optional(),
    team: team.optional(),
    active: z.boolean().optional(),
  })
  .meta({ id: 'AgentChange' });
export type AgentChange = z.infer<typeof agentChange>;

export const invitationLink = z.strictObject({ invitationUrl: z.string(), expiresAt: instant }).meta({ id: 'InvitationLink' });
export type InvitationLink = z.infer<typeof invitationLink>;
