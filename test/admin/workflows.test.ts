import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import { actAs } from '../../api/admin/acting-admin.ts';
import { withWorkflowButtons } from '../../api/admin/board-files.ts';
import { createAdmin, type Admin } from '../../api/admin/index.ts';
import { UI_PATH } from '../../api/admin/temporal-ui.ts';
import type { WorkflowQueue } from '../../api/admin/workflow-queue.ts';
import { en } from '../../api/admin/words.en.ts';
import { ru } from '../../api/admin/words.ru.ts';
import { createApp } from '../../api/app.ts';
import { createDispatcher } from '../../activities/dispatcher/index.ts';
import type { Config } from '../../db/config.ts';
import { UI_PATH as UI_PATH_OF_SERVER } from '../../run/temporal.ts';
import { callWorkflowId, type CallInput } from '../../workflows/messages.ts';
import { startTestApi, type Caller, type TestApi } from '../support/api.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestWorker, eventually, QUICK } from '../support/live-call.ts';
import { policyFaults } from '../support/page-policy.ts';
import { connectTemporal, uniqueTaskQueue, type TestTemporal } from '../support/temporal.ts';

const BOARD = '/admin/workflows';
/** Its workflows are carried on by a worker. */
const staffed = uniqueTaskQueue('admin');
/** Nobody works here: what is started stays as it is. */
const idle = uniqueTaskQueue('admin-idle');

let api: TestApi;
let temporal: TestTemporal;
let cast: Awaited<ReturnType<typeof seedCast>>;
let worker: { stop(): Promise<void> };
let dispatcher: ReturnType<typeof createDispatcher>;
const sites: Site[] = [];
const fetched: string[] = [];

interface Site {
  readonly admin: Admin;
  readonly origin: string;
  readonly server: Server;
}

/** The API as production mounts it, over the workflows of one task queue. */
async function openSite(taskQueue: string, changes: Partial<Config> = {}): Promise<Site> {
  const config = { ...api.config, temporal: { address: temporal.address, namespace: temporal.namespace }, ...changes };
  const deps = { ...api.deps, config };
  const admin = createAdmin(deps, { taskQueue });
  const server = createServer(createApp(deps, { routers: [admin.router] }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const site = { admin, server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  sites.push(site);
  return site;
}

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // The board's answers are its own affair: what a test expects of them, it says.
  readonly body: never;
}

async function ask(site: Site, who: Caller, path: string, init: RequestInit = {}): Promise<Reply> {
  const headers = { ...(who.cookie === null ? {} : { cookie: who.cookie }), ...(init.headers as Record<string, string>) };
  const response = await fetch(site.origin + path, { redirect: 'manual', ...init, headers });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
  return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : undefined) as never };
}

const CALLS = 'Звонки';
const CALLBACKS = 'Обратные звонки';
const MAINTENANCE = 'Обслуживание';
const jobPath = (queue: string, id: string, verb = ''): string =>
  `${BOARD}/api/queues/${encodeURIComponent(queue)}/${encodeURIComponent(id)}${verb && `/${verb}`}`;

const queueOf = ({ admin }: Site, name: string): WorkflowQueue => {
  const queue = admin.queues.find((candidate) => candidate.getName() === name);
  if (!queue) throw new Error(`No queue ${name}`);
  return queue;
};

const asAdmin = <T>(work: () => T): T => actAs({ agentId: api.admin.id, address: '127.0.0.1' }, work);
const idOf = (job: { toJSON(): { id?: unknown } }): string => String(job.toJSON().id);
const auditOf = (subject: string): Promise<Record<string, unknown>[]> =>
  api.db('audit_log').where({ subject }).orderBy('id') as unknown as Promise<Record<string, unknown>[]>;

async function startIdle(): Promise<string> {
  const workflowId = `call:${randomUUID()}`;
  const input: CallInput = { callId: randomUUID(), limits: QUICK };
  await temporal.client.workflow.start('call', { workflowId, taskQueue: idle, args: [input] });
  return workflowId;
}

/** A call that has talked and ended, and whose recording the PBX does not hand out. */
async function callWithoutRecording(): Promise<{ callId: string; workflowId: string; handle: WorkflowHandle }> {
  const { integrationId } = cast;
  const events = await CallRunner.start(api.db, integrationId, { at: Date.now() });
  const { callId } = events;
  const { entry_id: entryId } = (await api.db('calls').where({ id: callId }).first('entry_id')) as { entry_id: string };
  const workflowId = callWorkflowId(integrationId, entryId);
  await api.db('calls').where({ id: callId }).update({ workflow_id: workflowId });
  const recording = {
    type: 'recording',
    recordingId: `R-${callId}`,
    seq: 1,
    legId: 'A',
    party: agent(cast.anna),
    completionCode: 1000,
    recipient: 'cloud',
  } as const;
  const input: CallInput = { callId, limits: QUICK };
  const messages = [
    events.leg('A', 'appeared', { to: agent(cast.anna) }),
    events.leg('A', 'connected'),
    events.leg('A', 'disconnected'),
    events.summary({ talkedAt: Date.now() }),
    { ...recording, inboxId: 9_000_000, receivedAt: Date.now(), state: 'completed' },
    { ...recording, inboxId: 9_000_001, receivedAt: Date.now(), state: 'stored', seq: 0, legId: null, party: null },
  ] as const;
  const handle = await temporal.client.workflow.signalWithStart('call', {
    workflowId,
    taskQueue: staffed,
    args: [input],
    signal: 'received',
    signalArgs: [messages],
  });
  return { callId, workflowId, handle };
}

beforeAll(async () => {
  api = await startTestApi();
  temporal = await connectTemporal();
  cast = await seedCast(api.db);
  worker = await createTestWorker({
    db: api.db,
    connection: temporal.nativeConnection,
    taskQueue: staffed,
    pbx: {
      fetchRecording: async ({ recordingRowId }) => {
        fetched.push(recordingRowId);
        return fetched.filter((id) => id === recordingRowId).length > 1
          ? { state: 'settled' }
          : { state: 'retry', reason: 'not_found' };
      },
    },
  });
  dispatcher = createDispatcher({
    db: api.db,
    temporalClient: temporal.client,
    log: api.deps.logger,
    config: api.config,
    taskQueue: staffed,
  });
  await dispatcher.start();
});
afterAll(async () => {
  for (const { admin, server } of sites) {
    await admin.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await dispatcher.stop();
  await worker.stop();
  await temporal.close();
  await api.close();
});

describe('who may see the board', () => {
  test.each([BOARD, `${BOARD}/api/queues`, `${BOARD}/static/js/main.js`, UI_PATH])('%s is for admins only', async (path) => {
    const site = await openSite(idle);
    expect((await ask(site, api.nobody, path)).status).toBe(401);
    expect((await ask(site, api.anna, path)).status).toBe(403);
  });

  test.each([`${BOARD}/queue/x?status=active`, `${UI_PATH}/namespaces`])(
    '%s leads a browser to the sign-in, and back; an agent’s to a page of ours, and no further',
    async (path) => {
      const site = await openSite(idle);
      const page = await ask(site, api.nobody, path, { headers: { accept: 'text/html,*/*;q=0.8' } });
      expect([page.status, page.headers.get('location')]).toEqual([302, `/sign-in?next=${encodeURIComponent(path)}`]);
      const agents = await ask(site, api.anna, path, { headers: { accept: 'text/html,*/*;q=0.8' } });
      expect([agents.status, agents.headers.get('location')]).toEqual([302, '/settings']);
    },
  );

  test.each<Record<string, string>>([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' },
  ])('another site cannot make an admin terminate anything, here or in Temporal’s UI: %j', async (headers) => {
    const heard: string[] = [];
    const ui = createServer((request, response) => {
      heard.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => ui.listen(0, '127.0.0.1', resolve));
    const site = await openSite(idle, { temporalUiUrl: `http://127.0.0.1:${(ui.address() as AddressInfo).port}${UI_PATH}` });
    const workflowId = await startIdle();
    const changed = (): Promise<unknown> => api.db('audit_log').count('* as n');
    const before = await changed();
    const terminate = `${UI_PATH}/api/v1/namespaces/default/workflows/${encodeURIComponent(workflowId)}/terminate`;
    for (const method of ['PUT', 'POST', 'PATCH', 'DELETE']) {
      for (const path of [
        jobPath(CALLS, workflowId, 'clean'),
        `${BOARD}/api/queues/${encodeURIComponent(CALLS)}/pause`,
        terminate,
      ]) {
        const reply = await ask(site, api.admin, path, { method, headers });
        expect([method, path, reply.status, reply.body]).toMatchObject([method, path, 403, { code: 'foreign_origin' }]);
      }
    }
    expect(heard).toEqual([]);
    expect(await changed()).toEqual(before);
    expect((await temporal.client.workflow.getHandle(workflowId).describe()).status.name).toBe('RUNNING');
    ui.close();
  });

  test('the page names no other host, and its policy allows none', async () => {
    const site = await openSite(idle);
    const page = await ask(site, api.admin, `${BOARD}/queue/${encodeURIComponent(CALLS)}`);
    expect(page.status).toBe(200);
    expect(page.text).toContain(`<base href="${BOARD}/"`);
    expect(page.text).not.toMatch(/(href|src)="(https?:)?\/\//);
    expect(policyFaults(BOARD, page.headers.get('content-security-policy'))).toEqual([]);
    expect(page.text).not.toMatch(/<script(?![^>]*\s(?:src=|type="application\/json"))|\son\w+=|javascript:/i);
    const files = [...page.text.matchAll(/(?:href|src)="(static\/[^"]+)"/g)].map(([, file]) => file);
    for (const file of files) expect((await ask(site, api.admin, `${BOARD}/${file}`)).status, file).toBe(200);
  });

  test("the buttons are those of workflows: this release's script is the one they were made for", async () => {
    const site = await openSite(idle);
    const script = await ask(site, api.admin, `${BOARD}/static/js/async/mo.eedad0b2cd.js`);
    expect(script.text).toMatch(/\{\[\w+\.\w+\.failed\]:\[\w+\.retry\],\[\w+\.\w+\.active\]:\[\w+\.clean\]/);
    expect(withWorkflowButtons(script.text)).toBe(script.text);
    expect(script.text).toContain('.replace(/ (?:ago|назад)$/,"")');
    const page = await ask(site, api.admin, BOARD);
    const [, main = ''] = /src="(static\/js\/main\.[^"]+)"/.exec(page.text) ?? [];
    const mainScript = (await ask(site, api.admin, `${BOARD}/${main}`)).text;
    expect(mainScript).toContain('["Data","Logs","Error","Timeline"]');
    expect(mainScript).toMatch(/(\w)=(\w)\.queue\?\.displayName\|\|\2\.name,/);
    expect(mainScript).toMatch(/\.queueName,children:(\w)\.displayName\|\|\1\.name\}/);
    expect(mainScript).toMatch(/=(\w)\?\.displayName\|\|\1\?\.name\|\|/);
    const words = await ask(site, api.admin, `${BOARD}/static/locales/ru-RU/messages.json`);
    expect(words.body).toMatchObject({
      JOB: { ACTIONS: { CLEAN: 'Прервать', CONFIRM: {} } },
      QUEUE: { STATUS: { DELAYED: 'Ждут записи' } },
      ERRORS: { INTERNAL_SERVER_ERROR: 'Не получилось' },
    });
  });
});

describe('the contract of a queue', () => {
  test('every method of the base class has an answer', async () => {
    const queue = queueOf(await openSite(idle), CALLS);
    expect(queue).toBeInstanceOf(BaseAdapter);
    expect(queue.getName()).toBe('Звонки');
    expect(queue.getStatuses()).toEqual(['latest', 'active', 'delayed', 'completed', 'failed']);
    expect(queue.getJobStatuses()).toEqual(['active', 'delayed', 'completed', 'failed']);
    expect(await queue.isPaused()).toBe(false);
    expect(await queue.getRedisInfo()).toBeNull();
    expect(await queue.getDatastoreStats()).toBeNull();
    expect(await queue.getGlobalConcurrency()).toBeNull();
    expect(await queue.getJobSchedulers()).toEqual([]);
    expect(await queue.getJobSchedulersCount()).toBe(0);
    expect(await queue.getWorkers()).toEqual([]);
    expect(await queue.getMetrics('failed')).toMatchObject({ data: [] });
    expect(await queue.getJob(`call:${randomUUID()}`)).toBeNull();
    expect(await queue.getJobLogs(`call:${randomUUID()}`)).toEqual([]);
  });

  test('what has no meaning for workflows is refused and not pretended', async () => {
    const queue = queueOf(await openSite(idle), CALLS);
    const unfit = [
      queue.clean,
      queue.empty,
      queue.obliterate,
      queue.addJob,
      queue.pause,
      queue.resume,
      queue.promoteAll,
      queue.setGlobalConcurrency,
      queue.removeJobScheduler,
      queue.updateJobScheduler,
      queue.runJobSchedulerNow,
    ];
    for (const method of unfit) await expect(method()).rejects.toMatchObject({ code: 'not_for_workflows' });
  });

  test('the board refuses them too, in words', async () => {
    const site = await openSite(idle);
    for (const change of [
      'calls/pause',
      'calls/retry/failed',
      'calls/clean/active',
      'calls/empty',
      'calls/obliterate',
      'pause',
    ]) {
      const reply = await ask(site, api.admin, `${BOARD}/api/queues/${encodeURIComponent(CALLS)}/${change}`, { method: 'PUT' });
      expect(reply.status, change).toBe(409);
      expect(reply.body).toMatchObject({ code: 'not_for_workflows', message: expect.stringMatching(/[а-я]/) as string });
    }
  });

  test('who carries workflows on is told', async () => {
    const queue = queueOf(await openSite(staffed), CALLS);
    const workers = await eventually(
      () => queue.getWorkers(),
      (found) => found.length > 0,
    );
    expect(workers[0]?.name).toContain(String(process.pid));
  });
});

describe('lists', () => {
  test('counts, pages and states follow Temporal', async () => {
    const site = await openSite(idle);
    const queue = queueOf(site, CALLS);
    const before = (await queue.getJobCounts()).failed;
    const started: string[] = [];
    for (let i = 0; i < 13; i += 1) started.push(await startIdle());
    for (const id of started.slice(0, 3)) await temporal.client.workflow.getHandle(id).terminate('test');
    await temporal.client.workflow.start('upkeep', { workflowId: `upkeep-${randomUUID()}`, taskQueue: idle });
    const counts = await eventually(
      () => queue.getJobCounts(),
      ({ active, failed }) => active >= 10 && failed >= before + 3,
    );
    const all = await queue.getJobs(['active'], 0, 99);
    expect(all).toHaveLength(counts.active);
    const paged: string[] = [];
    for (let start = 0; start < counts.active; start += 4) {
      const page = await queue.getJobs(['active'], start, start + 3);
      expect(page.length).toBeLessThanOrEqual(4);
      paged.push(...page.map(idOf));
    }
    expect(paged).toEqual(all.map(idOf));
    // Somebody who opens a far page at once gets the same one.
    const fresh = queueOf(await openSite(idle), CALLS);
    expect((await fresh.getJobs(['active'], 8, 11)).map(idOf)).toEqual(paged.slice(8, 12));
    expect(await fresh.getJobs(['active'], 5000, 5009)).toEqual([]);
    const failed = await queue.getJobs(['failed'], 0, 99);
    expect(failed.map(idOf)).toEqual(expect.arrayContaining(started.slice(0, 3)));
    expect(await queueOf(site, MAINTENANCE).getJobCounts()).toMatchObject({ active: 1, delayed: 0, failed: 0 });
    const listed = await ask(
      site,
      api.admin,
      `${BOARD}/api/queues?activeQueue=${encodeURIComponent(CALLS)}&status=active&page=2&jobsPerPage=4`,
    );
    expect(listed.body).toMatchObject({
      queues: [{ name: CALLS, counts: { active: counts.active }, jobs: paged.slice(4, 8).map((id) => ({ id })) }, {}, {}],
    });
  });

  test('a job is found by its workflow id, in its own queue only, with the call behind it and no number', async () => {
    const site = await openSite(staffed);
    const call = await callWithoutRecording();
    const reply = await eventually(
      () => ask(site, api.admin, jobPath(CALLS, call.workflowId)),
      ({ body }) => (body as { status?: string }).status === 'delayed',
    );
    expect(reply.body).toMatchObject({
      status: 'delayed',
      job: {
        id: call.workflowId,
        data: {
          workflow: { CallState: 'waiting_for_recording', CallDirection: 'incoming', type: 'call' },
          call: { callId: call.callId, recordings: [{}], phone: '…67' },
          state: { callId: call.callId, state: 'waiting_for_recording' },
        },
      },
    });
    expect(reply.text).not.toContain('9161234567');
    expect((await ask(site, api.admin, jobPath(CALLBACKS, call.workflowId))).status).toBe(404);
    expect((await ask(await openSite(idle), api.admin, jobPath(CALLS, call.workflowId))).status).toBe(404);
    const { runId } = await call.handle.describe();
    expect((await ask(site, api.admin, jobPath(CALLS, `${call.workflowId}@${runId}`))).status).toBe(200);
    const { entry_id: entryId } = (await api.db('calls').where({ id: call.callId }).first('entry_id')) as { entry_id: string };
    for (const id of [call.callId, entryId]) {
      const found = await ask(site, api.admin, jobPath(CALLS, id));
      expect(found.body).toMatchObject({ job: { id: call.workflowId, data: { call: { callId: call.callId } } } });
      expect((await ask(site, api.admin, jobPath(CALLBACKS, id))).status).toBe(404);
    }
    const queue = queueOf(site, CALLS);
    await eventually(
      () => queue.getJobs(['delayed'], 0, 9),
      (jobs) => jobs.map(idOf).includes(call.workflowId),
    );
    expect((await queue.getJobCounts()).delayed).toBeGreaterThan(0);

    const logs = await ask(site, api.admin, jobPath(CALLS, call.workflowId, 'logs'));
    const lines = (logs.body as string[]).join('\n');
    expect(lines).toMatch(/Начат: call/);
    expect(lines).toMatch(/Сигнал received: leg appeared \(событие \d+\)/);
    expect(lines).toMatch(/Решения записаны: .*обращение \d+/);
    expect(lines).toMatch(/Исполнено: запись разговора — retry, not_found/);
    expect(lines).toMatch(/Таймер на/);
    expect(lines).toMatch(/Состояние: waiting_for_recording/);
    expect(lines).not.toContain('9161234567');
  });
});

describe('the language', () => {
  const setLanguage = (language: string) =>
    api
      .db('agents')
      .where({ id: api.admin.id })
      .update({ preferences: JSON.stringify({ language }) });

  test('is the one the admin has chosen: of the page, its queues, its jobs, its logs, its refusals and the search', async () => {
    const site = await openSite(idle);
    const workflowId = await startIdle();
    await temporal.client.workflow.getHandle(workflowId).terminate('test');
    const read = async () => {
      const [page, find, job, logs, queues, refusal] = await Promise.all([
        ask(site, api.admin, BOARD),
        ask(site, api.admin, `${BOARD}/find?id=nobody`),
        ask(site, api.admin, jobPath(CALLS, workflowId)),
        ask(site, api.admin, jobPath(CALLS, workflowId, 'logs')),
        ask(site, api.admin, `${BOARD}/api/queues`),
        ask(site, api.admin, `${BOARD}/api/queues/${encodeURIComponent(CALLS)}/pause`, { method: 'PUT' }),
      ]);
      const { queues: listed } = queues.body as { queues: { name: string; displayName: string; description: string }[] };
      return {
        page: [
          /<html lang="([\w-]+)"/.exec(page.text)?.[1],
          /"lng":"([\w-]+)"/.exec(page.text)?.[1],
          page.text.includes('/find">Find by id<'),
        ],
        find: find.text.includes('There is no such workflow'),
        job: (job.body as { job: { name: string; failedReason: string } }).job,
        logs: (logs.body as string[]).map((line) => line.slice(25)),
        queues: listed.map(({ name, displayName }) => [name, displayName]),
        refusal: (refusal.body as { message: string }).message,
      };
    };
    await setLanguage('en');
    expect(await read()).toMatchObject({
      page: ['en-GB', 'en-GB', true],
      find: true,
      job: { name: 'Call', failedReason: expect.stringMatching(/^Terminated/) as string },
      logs: ['Started: call', 'Terminated: test'],
      queues: [
        [CALLS, 'Calls'],
        [CALLBACKS, 'Callbacks'],
        [MAINTENANCE, 'Maintenance'],
      ],
      refusal: expect.stringMatching(/^That is not done/) as string,
    });
    const messages = await ask(site, api.admin, `${BOARD}/static/locales/en-GB/messages.json`);
    expect(messages.body).toMatchObject({ JOB: { ACTIONS: { CLEAN: 'Terminate' } }, LOADING: expect.any(String) as string });
    await setLanguage('ru');
    expect(await read()).toMatchObject({
      page: ['ru-RU', 'ru-RU', false],
      find: false,
      job: { name: 'Звонок' },
      logs: ['Начат: call', 'Прерван: test'],
      queues: [CALLS, CALLBACKS, MAINTENANCE].map((name) => [name, name]),
    });
  });

  test('has a word in English for each in Russian', () => {
    const keysOf = (tree: object): string[] =>
      Object.entries(tree).flatMap(([key, value]: [string, unknown]) =>
        typeof value === 'object' && value !== null ? keysOf(value).map((inner) => `${key}.${inner}`) : [key],
      );
    const isPlural = (key: string) => key.includes('JOBS_COUNT_');
    expect(keysOf(en).filter((key) => !isPlural(key))).toEqual(keysOf(ru).filter((key) => !isPlural(key)));
  });
});

describe('the search by id', () => {
  test('leads to the workflow in its queue, and says where there is none', async () => {
    const site = await openSite(idle);
    const workflowId = await startIdle();
    const find = (id: string) => ask(site, api.admin, `${BOARD}/find?id=${encodeURIComponent(id)}`);
    const found = await find(` ${workflowId} `);
    expect([found.status, found.headers.get('location')]).toEqual([
      302,
      `${BOARD}/queue/${encodeURIComponent(CALLS)}/${encodeURIComponent(workflowId)}`,
    ]);
    expect((await ask(site, api.admin, `${BOARD}/find`)).status).toBe(200);
    const none = await find('"><script>alert(1)</script>');
    expect(none.status).toBe(404);
    expect(none.text).toContain('Такого процесса нет');
    expect(none.text).not.toContain('<script>');
    expect((await ask(site, api.anna, `${BOARD}/find`)).status).toBe(403);
  });
});

describe('what an admin can do', () => {
  test('«ask for the recording again» reaches the workflow by the way of every action, and fetches', async () => {
    const site = await openSite(staffed);
    const call = await callWithoutRecording();
    const row = (await eventually(
      () => api.db('recordings').where({ call_id: call.callId }).whereNotNull('recording_id').first('id'),
      (found: unknown) => found !== undefined && fetched.includes((found as { id: string }).id),
    )) as { id: string };
    await eventually(
      () => queueOf(site, CALLS).getJob(call.workflowId),
      (job) => (job?.toJSON().data as { state?: { state?: string } }).state?.state === 'waiting_for_recording',
    );
    const reply = await ask(site, api.admin, jobPath(CALLS, call.workflowId, 'promote'), { method: 'PUT' });
    expect(reply.status).toBe(204);
    await call.handle.result();
    expect(fetched.filter((id) => id === row.id)).toHaveLength(2);
    expect(await api.db('actions').where({ call_id: call.callId })).toMatchObject([
      { agent_id: api.admin.id, type: 'fetch_recording_again', body: { recordingId: row.id } },
    ]);
    expect(await auditOf(call.workflowId)).toMatchObject([
      { action: 'recording.asked_again', agent_id: api.admin.id, address: expect.any(String), detail: { recordings: [row.id] } },
    ]);
    const completed = await ask(site, api.admin, jobPath(CALLS, call.workflowId));
    expect(completed.body).toMatchObject({ status: 'completed', job: { data: { state: { state: 'over' } } } });
  });

  test('of a completed call, retry asks for its recordings, and says so if there is nothing to ask for', async () => {
    const site = await openSite(staffed);
    const call = await callWithoutRecording();
    await eventually(
      () => queueOf(site, CALLS).getJob(call.workflowId),
      (job) => (job?.toJSON().data as { state?: { state?: string } }).state?.state === 'waiting_for_recording',
    );
    await asAdmin(async () => (await queueOf(site, CALLS).getJob(call.workflowId))?.promote());
    await call.handle.result();
    await api.db('recordings').where({ call_id: call.callId }).update({ state: 'ready' });
    const nothing = await ask(site, api.admin, jobPath(CALLS, call.workflowId, 'retry'), { method: 'PUT' });
    expect(nothing.status).toBe(409);
    expect(await auditOf(call.workflowId)).toHaveLength(1);
    await api.db('recordings').where({ call_id: call.callId }).update({ state: 'unavailable', reason: 'not_found' });
    const before = fetched.length;
    expect((await ask(site, api.admin, jobPath(CALLS, call.workflowId, 'retry'), { method: 'PUT' })).status).toBe(204);
    await eventually(
      () => Promise.resolve(fetched.length),
      (now) => now > before,
    );
    const late = await temporal.client.workflow.getHandle(`${call.workflowId}:late`).describe();
    expect(late.type).toBe('call');
  });

  test('terminating ends an open workflow, once, and stands in the audit log', async () => {
    const site = await openSite(idle);
    const workflowId = await startIdle();
    const terminate = () => ask(site, api.admin, jobPath(CALLS, workflowId, 'clean'), { method: 'PUT' });
    expect((await terminate()).status).toBe(204);
    expect((await temporal.client.workflow.getHandle(workflowId).describe()).status.name).toBe('TERMINATED');
    expect((await terminate()).status).toBe(409);
    expect(await auditOf(workflowId)).toMatchObject([{ action: 'workflow.terminated', agent_id: api.admin.id }]);
    const job = await ask(site, api.admin, jobPath(CALLS, workflowId));
    expect(job.body).toMatchObject({
      status: 'failed',
      job: { isFailed: true, failedReason: expect.stringContaining('Прерван') as string },
    });
  });

  test('retry takes a terminated call up again from its last good step', async () => {
    const site = await openSite(staffed);
    const call = await callWithoutRecording();
    await eventually(
      () => queueOf(site, CALLS).getJob(call.workflowId),
      (job) => (job?.toJSON().data as { state?: { state?: string } }).state?.state === 'waiting_for_recording',
    );
    const { runId } = await call.handle.describe();
    await call.handle.terminate('test');
    expect((await ask(site, api.admin, jobPath(CALLS, call.workflowId, 'retry'), { method: 'PUT' })).status).toBe(204);
    const latest = temporal.client.workflow.getHandle(call.workflowId);
    const again = await latest.describe();
    expect(again.runId).not.toBe(runId);
    expect(again.status.name).toBe('RUNNING');
    expect(await auditOf(call.workflowId)).toMatchObject([{ action: 'workflow.retried', detail: { how: 'reset' } }]);
    const tickets = await api.db('conversations').where({ call_id: call.callId }).whereNotNull('ticket_id');
    expect(tickets).toHaveLength(1);
    const older = await queueOf(site, CALLS).getJob(`${call.workflowId}@${runId}`);
    await expect(asAdmin(() => older?.retry())).rejects.toMatchObject({ code: 'not_for_workflows' });
    await latest.terminate('done with');
  });

  test('a call that never made a step begins anew, from what Postgres knows', async () => {
    const site = await openSite(idle);
    const workflowId = await startIdle();
    const callId = randomUUID();
    const call = { id: callId, integration_id: cast.integrationId, entry_id: `never-${callId}`, workflow_id: workflowId };
    await api.db('calls').insert(call);
    await temporal.client.workflow.getHandle(workflowId).terminate('test');
    expect((await ask(site, api.admin, jobPath(CALLS, workflowId, 'retry'), { method: 'PUT' })).status).toBe(204);
    const late = temporal.client.workflow.getHandle(`${workflowId}:late`);
    expect((await late.describe()).status.name).toBe('RUNNING');
    const { events } = await late.fetchHistory();
    const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data ?? new Uint8Array();
    expect(JSON.parse(Buffer.from(input).toString())).toMatchObject({ callId, late: true });
    expect(await auditOf(workflowId)).toMatchObject([{ detail: { how: 'late', newWorkflowId: `${workflowId}:late` } }]);
  });

  test('an erasure that was stopped goes on with the same customer, never with nobody', async () => {
    const site = await openSite(staffed);
    const workflowId = `erasure:${randomUUID()}`;
    const input = { erasureId: randomUUID(), pauseMs: 1, longestCallMs: 1, settleMs: 1 };
    const handle = await temporal.client.workflow.start('erasure', { workflowId, taskQueue: staffed, args: [input] });
    await eventually(
      () => queueOf(site, MAINTENANCE).getJobLogs(workflowId),
      (lines) => lines.some((line) => line.includes('Поручено: новые данные больше не принимаются')),
    );
    const { runId } = await handle.describe();
    await handle.terminate('test');
    expect((await ask(site, api.admin, jobPath(MAINTENANCE, workflowId, 'retry'), { method: 'PUT' })).status).toBe(204);
    const again = temporal.client.workflow.getHandle(workflowId);
    expect((await again.describe()).runId).not.toBe(runId);
    const { events } = await again.fetchHistory();
    const data = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data ?? new Uint8Array();
    expect(JSON.parse(Buffer.from(data).toString())).toEqual(input);
    expect(await auditOf(workflowId)).toMatchObject([{ action: 'workflow.retried', detail: { how: 'reset' } }]);
    await again.terminate('done with');
  });

  test('the order to dial a customer is never given twice', async () => {
    const site = await openSite(idle);
    const workflowId = `callback:${randomUUID()}`;
    await temporal.client.workflow.start('callback', { workflowId, taskQueue: idle, args: [{}] });
    await temporal.client.workflow.getHandle(workflowId).terminate('test');
    const reply = await ask(site, api.admin, jobPath(CALLBACKS, workflowId, 'retry'), { method: 'PUT' });
    expect(reply.status).toBe(409);
    expect(await auditOf(workflowId)).toEqual([]);
  });

  test('without the audit log nothing is done', async () => {
    const site = await openSite(idle);
    const workflowId = await startIdle();
    const job = await queueOf(site, CALLS).getJob(workflowId);
    const nobody = { agentId: 'nobody that the log could name', address: null };
    await expect(actAs(nobody, () => job?.remove())).rejects.toThrow();
    await expect(Promise.resolve().then(() => job?.remove())).rejects.toThrow(/without an admin/);
    expect((await temporal.client.workflow.getHandle(workflowId).describe()).status.name).toBe('RUNNING');
  });
});

describe('when Temporal is away', () => {
  test('the board says so within its deadline, and the rest of the API answers', async () => {
    const site = await openSite(idle, { temporal: { address: '127.0.0.1:1', namespace: 'default' } });
    const began = Date.now();
    const board = await ask(site, api.admin, `${BOARD}/api/queues`);
    expect(Date.now() - began).toBeLessThan(4500);
    expect(board.status).toBe(503);
    expect(board.headers.get('content-type')).toContain('application/problem+json');
    expect(board.body).toMatchObject({ code: 'temporal_unavailable', message: expect.stringContaining('Temporal') as string });
    expect((await ask(site, api.admin, BOARD)).status).toBe(200);
    expect((await ask(site, api.admin, '/api/calls')).status).toBe(200);
  });
});

describe("Temporal's own Web UI", () => {
  interface Heard {
    readonly method: string | undefined;
    readonly url: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }

  async function startUi(): Promise<{ url: string; heard: Heard[]; close(): Promise<void> }> {
    const heard: Heard[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        heard.push({ method: request.method, url: request.url, headers: request.headers, body });
        response.setHeader('Set-Cookie', ['_csrf=abc; Path=/; SameSite=Strict', 'trubka_session=stolen; Path=/']);
        response.setHeader('Content-Security-Policy', 'none');
        response.setHeader('Content-Type', 'text/html');
        response.end('<p>Temporal</p>');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${UI_PATH}`, heard, close };
  }

  test('it is told the path under which it appears', () => {
    expect(UI_PATH).toBe(UI_PATH_OF_SERVER);
  });

  test('it stands behind the session, hears nothing of ours, and sets no cookie but its own', async () => {
    const ui = await startUi();
    const site = await openSite(idle, { temporalUiUrl: ui.url });
    const headers = { cookie: `${api.admin.cookie ?? ''}; _csrf=abc`, 'x-csrf-token': 'abc', authorization: 'Bearer secret' };
    const page = await ask(site, api.admin, `${UI_PATH}/namespaces/default/workflows?query=a%20b`, { headers });
    expect(page.text).toBe('<p>Temporal</p>');
    expect(policyFaults(UI_PATH, page.headers.get('content-security-policy'))).toEqual([]);
    expect(page.headers.getSetCookie()).toEqual([`_csrf=abc; Path=${UI_PATH}; SameSite=Strict`]);
    expect(ui.heard[0]).toMatchObject({ method: 'GET', url: `${UI_PATH}/namespaces/default/workflows?query=a%20b` });
    expect(ui.heard[0]?.headers).toMatchObject({ cookie: '_csrf=abc', 'x-csrf-token': 'abc' });
    expect(ui.heard[0]?.headers).not.toHaveProperty('authorization');
    expect((await ask(site, api.anna, `${UI_PATH}/`)).status).toBe(403);
    expect(ui.heard).toHaveLength(1);
    await ui.close();
  });

  test('what is changed through it stands in the audit log', async () => {
    const ui = await startUi();
    const site = await openSite(idle, { temporalUiUrl: ui.url });
    const path = `/api/v1/namespaces/default/workflows/${randomUUID()}/terminate`;
    const init = { method: 'POST', body: '{"reason":"x"}', headers: { 'content-type': 'application/json' } };
    expect((await ask(site, api.admin, UI_PATH + path, init)).status).toBe(200);
    expect(ui.heard[0]).toMatchObject({ method: 'POST', url: UI_PATH + path, body: '{"reason":"x"}' });
    const rows = await api.db('audit_log').where({ action: 'temporal_ui.changed' });
    expect(rows).toMatchObject([{ agent_id: api.admin.id, detail: { method: 'POST', path } }]);
    await ui.close();
  });

  test('each entry of the board leads there', async () => {
    const site = await openSite(idle, { temporalUiUrl: 'http://127.0.0.1:1' });
    const workflowId = await startIdle();
    const { runId } = await temporal.client.workflow.getHandle(workflowId).describe();
    const reply = await ask(site, api.admin, jobPath(CALLS, workflowId));
    const href = `${UI_PATH}/namespaces/default/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
    expect(reply.body).toMatchObject({ job: { externalUrl: { href } } });
    expect((await ask(site, api.admin, href)).body).toMatchObject({ code: 'temporal_unavailable' });
  });

  test('without an address for it the answer says which setting is missing', async () => {
    const site = await openSite(idle, { temporalUiUrl: undefined });
    const reply = await ask(site, api.admin, `${UI_PATH}/`);
    expect(reply.status).toBe(404);
    expect(reply.body).toMatchObject({ code: 'temporal_ui_not_configured', detail: 'Set TEMPORAL_UI_URL' });
  });
});
