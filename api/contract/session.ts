import { z } from 'zod';
import { instant, isStorableJson, json, text, uuid } from './common.ts';
import { oneTimeCode } from './second-factor.ts';

export const ROLES = ['agent', 'admin'] as const;
export const role = z.enum(ROLES);
export type Role = z.infer<typeof role>;
/** `own`: sees tickets assigned to them or to nobody. Admins see all. */
export const access = z.enum(['all', 'own']);
export type Access = z.infer<typeof access>;

/** At least 8 characters; the service refuses the few that everybody tries first. */
export const newPassword = text(256, 8);

/** What the interface remembers for this person (columns, language, theme …): any JSON, kept small. */
export const preferences = z.record(z.string().max(64), json).refine(isStorableJson, { error: 'characters_not_allowed' });
export type Preferences = z.infer<typeof preferences>;

export const session = z
  .strictObject({
    id: uuid,
    fullName: z.string(),
    email: z.string(),
    role,
    access,
    preferences,
    /** True while the settings ask for a second factor that this person has not set up: nothing else is allowed until then. */
    secondFactorMissing: z.boolean(),
    /** When the session ends however busy it is. */
    expiresAt: instant,
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof session>;

export const signIn = z
  .strictObject({
    email: text(254, 1),
    password: text(1024, 1),
    /** For accounts with a second factor; without it the answer is `code_required`. */
    code: oneTimeCode.optional(),
  })
  .meta({ id: 'SignIn' });
export type SignIn = z.infer<typeof signIn>;

/** One's own account. `preferences` are merged key by key; null removes a key. */
export const sessionChange = z
  .strictObject({
    preferences: preferences.optional(),
    password: z.strictObject({ current: text(1024, 1), new: newPassword }).optional(),
  })
  .meta({ id: 'SessionChange' });
export type SessionChange = z.infer<typeof sessionChange>;

export const invitation = z
  .strictObject({ fullName: z.string(), email: z.string(), expiresAt: instant })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof invitation>;
export const invitationAnswer = z
  .strictObject({ password: newPassword, code: oneTimeCode.optional() })
  .meta({ id: 'InvitationAnswer' });
export type InvitationAnswer = z.infer<typeof invitationAnswer>;
