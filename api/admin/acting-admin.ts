import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestHandler } from 'express';
import { plainAddress } from '../caller-address.ts';
import { signedInOf } from '../session-cookie.ts';

export interface ActingAdmin {
  readonly agentId: string;
  readonly address: string | null;
  readonly language?: BoardLanguage;
}
export type BoardLanguage = 'ru' | 'en';

const acting = new AsyncLocalStorage<ActingAdmin>();

/** The board hands its queues no request: who is behind it goes along this way. */
export const rememberAdmin: RequestHandler = (request, response, next) => {
  const signedIn = signedInOf(response);
  if (signedIn === undefined) throw new Error('The board is mounted without its access check');
  const { agentId, preferences } = signedIn;
  const language = preferences['language'] === 'en' ? 'en' : 'ru';
  acting.run({ agentId, address: request.ip === undefined ? null : plainAddress(request.ip), language }, next);
};

export const actAs = <T>(admin: ActingAdmin, work: () => T): T => acting.run(admin, work);

/** As the interface: Russian unless the admin has chosen English. */
export const boardLanguage = (): BoardLanguage => acting.getStore()?.language ?? 'ru';

/** Nothing is done on the board in nobody's name. */
export function actingAdmin(): ActingAdmin {
  const admin = acting.getStore();
  if (!admin) throw new Error('An action on the board without an admin');
  return admin;
}
