import { z } from 'zod';
import { problem } from './contract/problem.ts';
import { streamEvents } from './contract/stream.ts';
import { statusOf, type ProblemCode } from './problems.ts';
import type { Route } from './route.ts';

type Json = Record<string, unknown>;
type Io = 'input' | 'output';

/** Collects the named schemas; each stands in the document once. */
class Components {
  readonly schemas: Json = {};

  add(schema: z.ZodType, io: Io): Json {
    const {
      $schema: _dialect,
      $defs: definitions = {},
      ...root
    } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' }) as Json & {
      $defs?: Record<string, Json>;
    };
    for (const [name, definition] of Object.entries(definitions)) this.define(name, relocated(definition) as Json);
    return relocated(root) as Json;
  }

  private define(name: string, definition: Json): void {
    const { $schema: _dialect, id: _id, ...schema } = definition;
    const known = this.schemas[name];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) throw new Error(`Two schemas are named ${name}`);
    this.schemas[name] = schema;
  }
}

/** zod keeps definitions beside each schema; OpenAPI keeps them in one place. */
function relocated(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relocated);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) =>
      key === '$ref' && typeof item === 'string'
        ? [key, item.replace('#/$defs/', '#/components/schemas/')]
        : [key, relocated(item)],
    ),
  );
}

const PROBLEM_REF = { $ref: '#/components/schemas/Problem' };

function parameters(components: Components, place: 'path' | 'query', schema: z.ZodObject | undefined): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = components.add(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, definition]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: definition,
    ...(definition['type'] === 'array' ? { style: 'form', explode: false } : {}),
  }));
}

/** Refusals that follow from what a route is. */
function commonProblems(route: Route): ProblemCode[] {
  return [
    ...(route.path.startsWith('/api/')
      ? (['too_many_requests', 'internal_error', 'overloaded', 'storage_unavailable'] as const)
      : []),
    ...(route.access === 'public' ? [] : (['not_signed_in', 'second_factor_required'] as const)),
    ...(route.access === 'admin' ? (['not_allowed'] as const) : []),
    ...(route.method === 'get' ? [] : (['foreign_origin', 'unsupported_type'] as const)),
    ...(route.params ? (['not_found'] as const) : []),
    ...(route.body ? (['invalid_request', 'malformed_json', 'too_large'] as const) : []),
    ...(route.query ? (['invalid_request'] as const) : []),
  ];
}

function problemResponses(route: Route): Json {
  const codes = [...new Set<ProblemCode>(['invalid_request', ...commonProblems(route), ...(route.problems ?? [])])];
  const statuses = [...new Set(codes.map(statusOf))].sort((a, b) => a - b);
  const describe = (status: number): Json => ({
    description: codes.filter((code) => statusOf(code) === status).join(', '),
    content: { 'application/problem+json': { schema: PROBLEM_REF } },
  });
  return Object.fromEntries(statuses.map((status) => [String(status), describe(status)]));
}

function successResponse(components: Components, route: Route): Json {
  const status = String(route.status ?? (route.response ? 200 : 204));
  if (route.contentType)
    return { [status]: { description: 'Done', content: { [route.contentType]: { schema: { type: 'string' } } } } };
  if (!route.response) return { [status]: { description: 'Done' } };
  const others = Object.fromEntries((route.alsoAs ?? []).map((type) => [type, { schema: { type: 'string' } }]));
  return {
    [status]: {
      description: 'Done',
      content: { 'application/json': { schema: components.add(route.response, 'output') }, ...others },
    },
  };
}

function requestBody(components: Components, route: Route): Json {
  if (!route.body) return {};
  const schema = components.add(route.body, 'input');
  const contentType = route.bodyType ?? 'application/json';
  const optional = route.body.safeParse({}).success;
  return { requestBody: { required: !optional, content: { [contentType]: { schema } } } };
}

function operation(components: Components, route: Route): Json {
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    parameters: [...parameters(components, 'path', route.params), ...parameters(components, 'query', route.query)],
    ...requestBody(components, route),
    responses: { ...successResponse(components, route), ...problemResponses(route) },
    ...(route.access === 'public' ? { security: [] } : {}),
    'x-access': route.access,
  };
}

/** `get /api/tickets/{id}/messages` → `getTicketsIdMessages`. */
function operationId({ method, path }: Route): string {
  const words = path.replace(/^\/api/, '').match(/[A-Za-z0-9]+/g) ?? [];
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** OpenAPI 3.1, made from the very schemas that validate the requests. */
export function describeApi(routes: readonly Route[], publicUrl: string | undefined): Json {
  const components = new Components();
  components.add(problem, 'output');
  const paths: Record<string, Json> = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operation(components, route) };
  const events = Object.fromEntries(
    Object.entries(streamEvents).map(([name, schema]) => [name, components.add(schema, 'output')]),
  );
  return {
    openapi: '3.1.1',
    info: {
      title: 'Trubka',
      version: '0.1.0',
      description: 'Phone calls as tickets. Times are ISO 8601 in UTC, phone numbers E.164.',
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    ...(publicUrl === undefined ? {} : { servers: [{ url: publicUrl }] }),
    security: [{ session: [] }],
    paths,
    components: {
      schemas: components.schemas,
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: publicUrl?.startsWith('https:') ? '__Host-trubka_session' : 'trubka_session',
        },
      },
    },
    'x-stream-events': events,
  };
}
