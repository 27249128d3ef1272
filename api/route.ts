import { Router, json, type Request, type RequestHandler, type Response } from 'express';
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { plainAddress } from './caller-address.ts';
import type { FieldError } from './contract/problem.ts';
import type { ApiDeps } from './deps.ts';
import { ProblemError, type ProblemCode } from './problems.ts';
import { requireAgent, signedInOf } from './session-cookie.ts';
import type { SignedIn } from '../db/sessions.ts';

export type Method = 'get' | 'post' | 'patch' | 'put' | 'delete';
/** Who may call: anybody, whoever is signed in, admins. */
export type RouteAccess = 'public' | 'agent' | 'admin';

type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** One request, parsed. */
export interface Context<P, Q, B, A extends RouteAccess = RouteAccess> {
  readonly deps: ApiDeps;
  readonly agent: A extends 'public' ? SignedIn | undefined : SignedIn;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The caller's address, as far as proxies are trusted. */
  readonly address: string;
  readonly request: Request;
  readonly response: Response;
}

interface Described {
  readonly method: Method;
  /** OpenAPI's form: `/api/tickets/{id}`. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly tag: string;
  readonly access: RouteAccess;
  /** What the success is: 200 unless said. */
  readonly status?: 200 | 201 | 202 | 204;
  /** What the answer can be had as beside JSON; the handler sends that itself. */
  readonly alsoAs?: readonly string[];
  /** Refusals beyond those that every route knows. */
  readonly problems?: readonly ProblemCode[];
}

interface Shapes<
  P extends z.ZodObject | undefined,
  Q extends z.ZodObject | undefined,
  B extends z.ZodType | undefined,
  R extends z.ZodType | null,
> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Null: an answer without a body. */
  readonly response: R;
}

export interface Route
  extends Described, Shapes<z.ZodObject | undefined, z.ZodObject | undefined, z.ZodType | undefined, z.ZodType | null> {
  /** What it answers with, where that is not JSON. */
  readonly contentType?: string;
  /** What it takes, where that is not JSON. */
  readonly bodyType?: string;
  /** None where another router serves it and this table only describes it. */
  readonly handle?: (context: Context<never, never, never>) => Promise<unknown>;
}

/** What a handler returns when it has sent the answer itself (the event stream). */
export const SENT: unique symbol = Symbol('sent');

/** One route: what it takes, what it gives, who may call it, what it does. The handler returns data; sending happens here. */
export function route<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
  R extends z.ZodType | null = null,
  A extends RouteAccess = RouteAccess,
>(
  definition: Described & { readonly access: A } & Shapes<P, Q, B, R> & {
      readonly handle: (
        context: Context<Parsed<P>, Parsed<Q>, Parsed<B>, A>,
      ) => Promise<(R extends z.ZodType ? DeepReadonly<z.output<R>> : void) | typeof SENT>;
    },
): Route {
  return definition as unknown as Route;
}

const expressPath = (path: string): string => path.replace(/\{(\w+)\}/g, ':$1');

const BODY_LIMIT = '512kb';
const parseJson = json({
  limit: BODY_LIMIT,
  inflate: false,
  strict: true,
  type: 'application/json',
  verify(_request, _response, bytes) {
    if (!isUtf8(bytes)) throw new Error('The body is not UTF-8');
  },
});

const hasBody = (request: Request): boolean =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;

/** Reads the body of routes that take one; any other body must be JSON too, so that no form of another site gets through. */
const readBody =
  (wanted: boolean): RequestHandler =>
  (request, response, next) => {
    if (!hasBody(request)) return next();
    if (!request.is('application/json')) return next(new ProblemError('unsupported_type'));
    if (!wanted) return next();
    parseJson(request, response, next);
  };

const fieldOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (name, key) => (typeof key === 'number' ? `${name}[${key}]` : name ? `${name}.${String(key)}` : String(key)),
    '',
  );

/** One complaint per field, the first. */
function fieldErrors(issues: readonly z.core.$ZodIssue[], input: unknown): FieldError[] {
  const all = complaints(issues, input);
  return all.filter((error, index) => all.findIndex(({ field }) => field === error.field) === index);
}

function complaints(issues: readonly z.core.$ZodIssue[], input: unknown): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const field = fieldOf(issue.path);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        field: fieldOf([...issue.path, key]),
        code: 'unknown_field',
        message: `Unknown field ${key}`,
      }));
    }
    if (issue.code === 'custom' || (issue.code === 'invalid_format' && /^[a-z_]+$/.test(issue.message))) {
      return [{ field, code: issue.message, message: issue.message.replaceAll('_', ' ') }];
    }
    const missing = issue.code === 'invalid_type' && valueAt(input, issue.path) === undefined;
    return [{ field, code: missing ? 'required' : issue.code, message: issue.message }];
  });
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value !== null && typeof value === 'object' ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    input,
  );
}

function parse(schema: z.ZodType | undefined, input: unknown): unknown {
  if (!schema) return undefined;
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new ProblemError('invalid_request', { errors: fieldErrors(result.error.issues, input) });
}

/** An id that cannot exist names nothing. */
function parseParams(schema: z.ZodType | undefined, input: unknown): unknown {
  const result = schema?.safeParse(input);
  if (result && !result.success) throw new ProblemError('not_found');
  return result?.data;
}

const noQuery = z.strictObject({});

const handlerOf =
  (deps: ApiDeps, definition: Route, handle: NonNullable<Route['handle']>): RequestHandler =>
  async (request, response) => {
    const context = {
      deps,
      agent: signedInOf(response),
      params: parseParams(definition.params, request.params),
      query: parse(definition.query ?? noQuery, { ...request.query }),
      body: parse(definition.body, request.body ?? (definition.body ? {} : undefined)),
      address: plainAddress(request.ip ?? ''),
      request,
      response,
    };
    const result = await handle(context as unknown as Context<never, never, never>);
    if (result === SENT) return;
    response.setHeader('Cache-Control', 'no-store');
    response.status(definition.status ?? (definition.response ? 200 : 204));
    if (definition.response) response.json(result);
    else response.end();
  };

const methodNotAllowed = (methods: readonly Method[]): RequestHandler => {
  const allowed = methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  const headers = { Allow: [...allowed, 'OPTIONS'].join(', ') };
  return (request, response) => {
    if (request.method !== 'OPTIONS') throw new ProblemError('method_not_allowed', { headers });
    response.set(headers).status(204).end();
  };
};

function serve(router: Router, deps: ApiDeps, definition: Route): Method[] {
  const { method, access, handle, body } = definition;
  if (!handle) return [];
  const path = expressPath(definition.path);
  router[method](path, requireAgent(deps, access), readBody(body !== undefined), handlerOf(deps, definition, handle));
  return [method];
}

/** The routes as a router: each with its access check, its parsing and, for the methods it lacks, 405. */
export function createRouter(deps: ApiDeps, routes: readonly Route[]): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const byPath = new Map<string, Route[]>();
  for (const definition of routes) byPath.set(definition.path, [...(byPath.get(definition.path) ?? []), definition]);
  // `/api/fields/order` is not a field of that name, whatever the method.
  const paths = [...byPath].sort(([a], [b]) => a.split('{').length - b.split('{').length);
  for (const [path, definitions] of paths) {
    const methods = definitions.flatMap((definition) => serve(router, deps, definition));
    if (methods.length > 0) router.all(expressPath(path), methodNotAllowed(methods));
  }
  return router;
}
