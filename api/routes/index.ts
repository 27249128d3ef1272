import type { Route } from '../route.ts';
import { callbackRoutes } from './callbacks.ts';
import { callRoutes } from './calls.ts';
import { eventRoutes } from './events.ts';
import { sessionRoutes } from './session.ts';
import { ticketRoutes } from './tickets.ts';

/** Every route that is made of `route()`: what is served, what OpenAPI describes, what the table of roles tests. */
export const allRoutes: readonly Route[] = [...sessionRoutes, ...ticketRoutes, ...callRoutes, ...callbackRoutes, ...eventRoutes];
