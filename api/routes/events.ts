import { route, SENT, type Route } from '../route.ts';

const streamRoute = route({
  method: 'get',
  path: '/api/events',
  summary: 'What happens, as server-sent events; resumable by Last-Event-ID',
  tag: 'Events',
  access: 'agent',
  response: null,
  problems: ['too_many_streams'],
  handle: async ({ deps, agent, request, response }) => {
    if (request.method === 'HEAD') {
      response.status(200).type('text/event-stream').end();
      return SENT;
    }
    const lastEventId = request.get('last-event-id');
    await deps.events.open(response, { viewer: agent, sessionId: agent.sessionId, lastEventId });
    return SENT;
  },
});

export const eventRoutes: readonly Route[] = [{ ...streamRoute, status: 200, contentType: 'text/event-stream' }];
