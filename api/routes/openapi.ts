import { z } from 'zod';
import { describeApi } from '../openapi.ts';
import { route, SENT, type Route } from '../route.ts';
import { describedRoutes } from './described.ts';

/** The description of `routes`, and of itself. Made once. */
export function openApiRoute(routes: readonly Route[]): Route {
  let document: string | undefined;
  const own: Route = route({
    method: 'get',
    path: '/api/openapi.json',
    summary: 'This description',
    tag: 'Operation',
    access: 'public',
    response: z.looseObject({ openapi: z.string() }),
    handle: async ({ deps, response }) => {
      document ??= JSON.stringify(describeApi([...routes, own, ...describedRoutes], deps.config.publicUrl));
      response.setHeader('Cache-Control', 'no-cache');
      response.type('application/json').send(document);
      return SENT;
    },
  });
  return own;
}
