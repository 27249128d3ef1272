import { z } from 'zod';
import { text } from './common.ts';

/** Six digits of the authenticator, or a recovery code; spaces and dashes do not matter. */
export const oneTimeCode = text(40, 6);

export const secondFactor = z
  .strictObject({
    enabled: z.boolean(),
    /** Whether the settings ask this person for one. */
    required: z.boolean(),
    recoveryCodesLeft: z.number().int().min(0),
  })
  .meta({ id: 'SecondFactor' });
export type SecondFactor = z.infer<typeof secondFactor>;

export const enrolmentStart = z.strictObject({ password: text(1024, 1) }).meta({ id: 'EnrolmentStart' });
/** Shown this once. `uri` is what the QR code holds; `secret` is for typing. */
export const enrolment = z.strictObject({ secret: z.string(), uri: z.string() }).meta({ id: 'Enrolment' });
export type Enrolment = z.infer<typeof enrolment>;
export const enrolmentProof = z.strictObject({ code: oneTimeCode }).meta({ id: 'EnrolmentProof' });

/** Each good once, instead of a code of the authenticator. Shown this once. */
export const recoveryCodes = z.strictObject({ recoveryCodes: z.array(z.string()) }).meta({ id: 'RecoveryCodes' });
export type RecoveryCodes = z.infer<typeof recoveryCodes>;

export const passwordAndCode = z.strictObject({ password: text(1024, 1), code: oneTimeCode }).meta({ id: 'PasswordAndCode' });
export type PasswordAndCode = z.infer<typeof passwordAndCode>;
