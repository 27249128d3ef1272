import { z } from 'zod';
import type { Method, Route } from '../route.ts';

/** What the PBX sends (form-encoded): the signature covers key, json and salt. */
const webhook = z.object({ vpbx_api_key: z.string(), sign: z.string(), json: z.string() });
const taken = z.object({ success: z.boolean() });

const webhookRoute = (path: string, summary: string): Route => ({
  method: 'post',
  path: `/mango/${path}`,
  summary,
  tag: 'Webhooks',
  access: 'public',
  body: webhook,
  bodyType: 'application/x-www-form-urlencoded',
  response: taken,
  problems: ['bad_signature', 'too_large', 'unsupported_type', 'storage_unavailable'],
});

const probe = (path: `/${string}`, summary: string): Route => ({
  method: 'get' satisfies Method,
  path,
  summary,
  tag: 'Operation',
  access: 'public',
  response: z.object({ status: z.string() }),
  problems: ['storage_unavailable', 'shutting_down'],
});

/** The PBX may ask either way. */
const pingRoute = (method: 'get' | 'post'): Route => ({
  ...probe('/mango/ping', 'The PBX looks whether somebody is there'),
  ...{ method, response: taken, problems: [] },
});

/** Served by routers of their own; here so that the description is whole. */
export const describedRoutes: readonly Route[] = [
  webhookRoute('events/call', 'A leg of a call changed its state'),
  webhookRoute('events/summary', 'A call is over'),
  webhookRoute('events/recording', 'A recording began or ended'),
  webhookRoute('events/record/added', 'A recording can be fetched'),
  webhookRoute('result/callback', 'What became of a callback command'),
  pingRoute('get'),
  pingRoute('post'),
  probe('/health/live', 'The process answers'),
  probe('/health/ready', 'The process can store what it is sent'),
  {
    method: 'get',
    path: '/metrics',
    summary: 'Prometheus; for this machine, a bearer token or admins',
    tag: 'Operation',
    access: 'admin',
    response: null,
    status: 200,
    contentType: 'text/plain',
  },
];
