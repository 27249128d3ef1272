import type { Request, RequestHandler, Response } from 'express';
import { findSession, SESSION_MAX_SECONDS, type SignedIn } from '../db/sessions.ts';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './problems.ts';

const isSecure = (deps: ApiDeps): boolean => deps.config.publicUrl?.startsWith('https:') === true;
/** With https the browser itself sees to it that no other host and no other path can set this cookie. */
const cookieName = (deps: ApiDeps): string => (isSecure(deps) ? '__Host-trubka_session' : 'trubka_session');

/** Tells the interface's scripts that asking who is signed in is worth a request; proves nothing. */
const HINT_COOKIE = 'trubka_signed_in';
const hintOptions = (deps: ApiDeps) => ({ sameSite: 'lax' as const, secure: isSecure(deps), path: '/' });

export function setSessionCookie(deps: ApiDeps, response: Response, token: string): void {
  response.cookie(cookieName(deps), token, {
    httpOnly: true,
    sameSite: 'lax',
    secure: isSecure(deps),
    path: '/',
    maxAge: SESSION_MAX_SECONDS * 1000,
  });
  response.cookie(HINT_COOKIE, '1', { ...hintOptions(deps), maxAge: SESSION_MAX_SECONDS * 1000 });
}

export function clearSessionCookie(deps: ApiDeps, response: Response): void {
  response.clearCookie(cookieName(deps), { httpOnly: true, sameSite: 'lax', secure: isSecure(deps), path: '/' });
  response.clearCookie(HINT_COOKIE, hintOptions(deps));
}

/** 256 random bits in base64url; anything else is not worth a query. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

export function sessionTokenOf(deps: ApiDeps, request: Request): string | undefined {
  const prefix = `${cookieName(deps)}=`;
  const cookies = (request.headers.cookie ?? '').split(';').map((part) => part.trim());
  return cookies
    .filter((cookie) => cookie.startsWith(prefix))
    .map((cookie) => cookie.slice(prefix.length))
    .find((value) => TOKEN.test(value));
}

/** Who asks; undefined if nobody is signed in. */
export async function readSession(deps: ApiDeps, request: Request): Promise<SignedIn | undefined> {
  const token = sessionTokenOf(deps, request);
  return token === undefined ? undefined : findSession(deps.db, token);
}

export const signedInOf = (response: Response): SignedIn | undefined => response.locals['signedIn'] as SignedIn | undefined;

/** Who I am, signing out, and setting up what is missing. */
const isOwnSession = ({ baseUrl, path }: Request): boolean => /^\/api\/sessions?(\/second-factor)?$/.test(baseUrl + path);

/** Lets through whoever may call, and remembers who it is. For routers that are not made of `route()` too. */
export const requireAgent =
  (deps: ApiDeps, access: 'public' | 'agent' | 'admin'): RequestHandler =>
  async (request, response, next) => {
    if (access === 'public') return next();
    const signedIn = await readSession(deps, request);
    if (!signedIn) throw new ProblemError('not_signed_in');
    if (access === 'admin' && signedIn.role !== 'admin') throw new ProblemError('not_allowed');
    if (signedIn.secondFactorMissing && !isOwnSession(request)) throw new ProblemError('second_factor_required');
    response.locals['signedIn'] = signedIn;
    next();
  };
