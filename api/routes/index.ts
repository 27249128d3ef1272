import type { Route } from '../route.ts';
import { agentRoutes } from './agents.ts';
import { callbackRoutes } from './callbacks.ts';
import { callRoutes } from './calls.ts';
import { customerRoutes } from './customers.ts';
import { demoRoutes } from './demo.ts';
import { eventRoutes } from './events.ts';
import { fieldRoutes } from './fields.ts';
import { inspectorRoutes } from './inspector.ts';
import { invitationRoutes } from './invitations.ts';
import { pbxRoutes } from './integrations.ts';
import { missedRoutes } from './missed.ts';
import { openApiRoute } from './openapi.ts';
import { privacyRoutes } from './privacy.ts';
import { recordingRoutes } from './recordings.ts';
import { selfTestRoutes } from './self-test.ts';
import { sessionRoutes } from './session.ts';
import { secondFactorRoutes } from './second-factor.ts';
import { settingRoutes } from './settings.ts';
import { statisticsRoutes } from './statistics.ts';
import { ticketRoutes } from './tickets.ts';
import { timelineRoutes } from './timeline.ts';

const routes: readonly Route[] = [
  ...sessionRoutes,
  ...secondFactorRoutes,
  ...invitationRoutes,
  ...ticketRoutes,
  ...callbackRoutes,
  ...missedRoutes,
  ...customerRoutes,
  ...callRoutes,
  ...eventRoutes,
  ...agentRoutes,
  ...fieldRoutes,
  ...settingRoutes,
  ...privacyRoutes,
  ...statisticsRoutes,
  ...pbxRoutes,
  ...demoRoutes,
  ...selfTestRoutes,
  ...recordingRoutes,
  ...inspectorRoutes,
  ...timelineRoutes,
];

/** Every route that is made of `route()`: what is served, what OpenAPI describes, what the table of roles tests. */
export const allRoutes: readonly Route[] = [...routes, openApiRoute(routes)];
