import type {
  ActionState,
  Agent,
  AgentChange,
  AuditEntry,
  AgentCreated,
  CallActionInput,
  CallTimeline,
  CallbackOrder,
  CallbackOrdered,
  Customer,
  CustomerChange,
  Demo,
  DemoAction,
  DemoCall,
  DemoState,
  DemoSwitches,
  DemoSwitchesChange,
  Enrolment,
  Destruction,
  Erasure,
  ErasurePreview,
  Field,
  FieldChange,
  FieldError,
  InspectedEventDetail,
  InspectedEvents,
  InspectorChoices,
  Integration,
  IntegrationChange,
  Invitation,
  InvitationLink,
  LiveCall,
  Message,
  MissedCall,
  NewAgent,
  NewCustomer,
  NewDemoCall,
  NewErasure,
  NewField,
  NewMessage,
  NewTicket,
  Operator,
  OperatorChange,
  OperatorsRefreshed,
  Page,
  PasswordAndCode,
  Problem as ProblemBody,
  RecoveryCodes,
  SecondFactor,
  SelfTest,
  RetentionPreview,
  Session,
  SessionChange,
  Settings,
  SettingsChange,
  SlaTarget,
  Section,
  SlaTargetChange,
  Statistics,
  TestCall,
  TestCallOrder,
  TestCallOrdered,
  Ticket,
  TicketChange,
  TicketListItem,
  TicketQuery,
} from './contract.ts';

/** What the API, or the network, answered instead of what was asked for. `code` is put into words by the texts `problem.*`. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly body: Partial<ProblemBody> = {},
    options?: ErrorOptions,
  ) {
    super(`${code} (${status})`, options);
  }

  /** The same question may well be answered a little later: the network, the service or a limit was in the way. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** The offending fields. */
  get fields(): readonly FieldError[] {
    return this.body.errors ?? [];
  }
}

type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;
interface Ask {
  readonly query?: Query;
  readonly body?: unknown;
  /** Lets the request outlive the page. */
  readonly keepalive?: boolean;
  readonly signal?: AbortSignal;
}

/** How far this machine's clock is ahead of the server's, so that timers show the call's own time. */
let clockAheadMs = 0;
export const serverNow = (): number => Date.now() - clockAheadMs;

let whenFactorMissing: () => void = () => {};
/** Called when the API says that a second factor has to be set up first. */
export function onFactorMissing(callback: () => void): void {
  whenFactorMissing = callback;
}

let whenSignedOut: () => void = () => {};
/** Called when the API says that nobody is signed in any more. */
export function onSignedOut(callback: () => void): void {
  whenSignedOut = callback;
}
export const sayNobody = (): void => whenSignedOut();

function addressOf(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value));
  }
  return parameters.size ? `${path}?${parameters}` : path;
}

/** Where a table of the statistics can be downloaded. */
export const addressOfCsv = (section: Section, query: Query): string =>
  addressOf(`/api/statistics/${section}`, { ...query, format: 'csv' });

/** Where the audit log and the destruction log can be downloaded. */
export const addressOfLog = (log: 'audit' | 'destruction-log', query: Query): string =>
  addressOf(`/api/${log}`, { ...query, format: 'csv' });

async function ask<T>(method: string, path: string, { query, body, keepalive, signal }: Ask = {}): Promise<T> {
  const address = addressOf(path, query);
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...(keepalive ? { keepalive } : {}),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, 'network', {}, { cause: error });
  }
  readClock(response);
  if (!response.ok) throw await problemFrom(response, path);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

function readClock(response: Response): void {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return;
  // The header has whole seconds; a difference below that says nothing.
  const ahead = Date.now() - date - 500;
  clockAheadMs = Math.abs(ahead) > 2000 ? ahead : 0;
}

async function problemFrom(response: Response, path: string): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Partial<ProblemBody>;
  if (response.status === 401 && path !== '/api/session') whenSignedOut();
  if (body.code === 'second_factor_required') whenFactorMissing();
  return new Problem(response.status, body.code ?? (response.status >= 500 ? 'server' : 'unknown'), body);
}

const id = encodeURIComponent;

/** The ticket list's filters, one value each, as they stand in the address. */
export type TicketFilter = { readonly [K in keyof TicketQuery]?: string | number | undefined };
type PageQuery = { readonly q?: string; readonly page?: number; readonly pageSize?: number };
const withSignal = (signal: AbortSignal | undefined): Pick<Ask, 'signal'> => (signal ? { signal } : {});

export const client = {
  session: {
    read: () => ask<Session>('GET', '/api/session'),
    signIn: (email: string, password: string, code?: string) =>
      ask<Session>('POST', '/api/session', { body: { email, password, code } }),
    change: (body: SessionChange) => ask<Session>('PATCH', '/api/session', { body }),
    signOut: () => ask<void>('DELETE', '/api/session'),
  },
  secondFactor: {
    read: () => ask<SecondFactor>('GET', '/api/session/second-factor'),
    begin: (password: string) => ask<Enrolment>('POST', '/api/session/second-factor', { body: { password } }),
    prove: (code: string) => ask<RecoveryCodes>('PUT', '/api/session/second-factor', { body: { code } }),
    renewCodes: (body: PasswordAndCode) => ask<RecoveryCodes>('POST', '/api/session/second-factor/recovery-codes', { body }),
    remove: (body: PasswordAndCode) => ask<void>('POST', '/api/session/second-factor/removal', { body }),
  },
  invitations: {
    read: (token: string) => ask<Invitation>('GET', `/api/invitations/${id(token)}`),
    accept: (token: string, password: string, code?: string) =>
      ask<Session>('POST', `/api/invitations/${id(token)}`, { body: { password, code } }),
  },
  tickets: {
    list: (query: TicketFilter, signal?: AbortSignal) =>
      ask<Page<TicketListItem>>('GET', '/api/tickets', { query, ...withSignal(signal) }),
    read: (ticketId: string, signal?: AbortSignal) => ask<Ticket>('GET', `/api/tickets/${id(ticketId)}`, withSignal(signal)),
    create: (body: Partial<NewTicket> & Pick<NewTicket, 'subject' | 'channel'>) => ask<Ticket>('POST', '/api/tickets', { body }),
    change: (ticketId: string, body: TicketChange) => ask<Ticket>('PATCH', `/api/tickets/${id(ticketId)}`, { body }),
    write: (ticketId: string, body: Partial<NewMessage> & Pick<NewMessage, 'type' | 'body'>) =>
      ask<Message>('POST', `/api/tickets/${id(ticketId)}/messages`, { body }),
    callBack: (ticketId: string, body: CallbackOrder) =>
      ask<CallbackOrdered>('POST', `/api/tickets/${id(ticketId)}/callback`, { body }),
  },
  missed: {
    list: (query: PageQuery & { readonly assigneeId?: string | undefined }, signal?: AbortSignal) =>
      ask<Page<MissedCall>>('GET', '/api/missed-calls', { query, ...withSignal(signal) }),
  },
  customers: {
    list: (query: PageQuery, signal?: AbortSignal) =>
      ask<Page<Customer>>('GET', '/api/customers', { query, ...withSignal(signal) }),
    read: (customerId: string, signal?: AbortSignal) =>
      ask<Customer>('GET', `/api/customers/${id(customerId)}`, withSignal(signal)),
    create: (body: NewCustomer) => ask<Customer>('POST', '/api/customers', { body }),
    change: (customerId: string, body: CustomerChange) => ask<Customer>('PATCH', `/api/customers/${id(customerId)}`, { body }),
  },
  agents: {
    list: () => ask<{ items: Agent[] }>('GET', '/api/agents'),
    create: (body: NewAgent) => ask<AgentCreated>('POST', '/api/agents', { body }),
    change: (agentId: string, body: AgentChange) => ask<Agent>('PATCH', `/api/agents/${id(agentId)}`, { body }),
    resetSecondFactor: (agentId: string) => ask<void>('DELETE', `/api/agents/${id(agentId)}/second-factor`),
    invite: (agentId: string) => ask<InvitationLink>('POST', `/api/agents/${id(agentId)}/invitation`),
  },
  fields: {
    list: () => ask<{ items: Field[] }>('GET', '/api/fields'),
    create: (body: NewField) => ask<Field>('POST', '/api/fields', { body }),
    change: (fieldId: string, body: FieldChange) => ask<Field>('PATCH', `/api/fields/${id(fieldId)}`, { body }),
    order: (ids: readonly string[]) => ask<{ items: Field[] }>('POST', '/api/fields/order', { body: { ids } }),
    remove: (fieldId: string) => ask<void>('DELETE', `/api/fields/${id(fieldId)}`),
  },
  settings: {
    read: () => ask<Settings>('GET', '/api/settings'),
    change: (body: SettingsChange) => ask<Settings>('PATCH', '/api/settings', { body }),
    slaTargets: () => ask<{ items: SlaTarget[] }>('GET', '/api/sla-targets'),
    changeSlaTarget: (channel: string, body: SlaTargetChange) =>
      ask<SlaTarget>('PATCH', `/api/sla-targets/${id(channel)}`, { body }),
  },
  audit: {
    list: (query: Query, signal?: AbortSignal) => ask<Page<AuditEntry>>('GET', '/api/audit', { query, ...withSignal(signal) }),
  },
  privacy: {
    /** `0`: for ever. */
    retention: (query: Query, signal?: AbortSignal) =>
      ask<RetentionPreview>('GET', '/api/retention', { query, ...withSignal(signal) }),
    destructions: (query: Query) => ask<Page<Destruction>>('GET', '/api/destruction-log', { query }),
    previewErasure: (customerId: string) => ask<ErasurePreview>('GET', `/api/customers/${id(customerId)}/erasure`),
    erase: (customerId: string, body: NewErasure) => ask<Erasure>('POST', `/api/customers/${id(customerId)}/erasure`, { body }),
    erasures: (query: { readonly customerId?: string } = {}) =>
      ask<{ readonly items: readonly Erasure[] }>('GET', '/api/erasures', { query }),
    erasure: (erasureId: string) => ask<Erasure>('GET', `/api/erasures/${id(erasureId)}`),
  },
  integrations: {
    list: () => ask<{ items: Integration[] }>('GET', '/api/integrations'),
    create: (body: { kind: 'mango'; name: string; apiKey: string; apiSalt: string; apiUrl?: string }) =>
      ask<Integration>('POST', '/api/integrations', { body }),
    change: (integrationId: string, body: IntegrationChange) =>
      ask<Integration>('PATCH', `/api/integrations/${id(integrationId)}`, { body }),
    remove: (integrationId: string) => ask<void>('DELETE', `/api/integrations/${id(integrationId)}`),
    selfTest: (integrationId: string) => ask<SelfTest>('POST', `/api/integrations/${id(integrationId)}/self-test`),
    testCall: (integrationId: string, body: TestCallOrder) =>
      ask<TestCallOrdered>('POST', `/api/integrations/${id(integrationId)}/test-calls`, { body }),
    readTestCall: (integrationId: string, testCallId: string) =>
      ask<TestCall>('GET', `/api/integrations/${id(integrationId)}/test-calls/${id(testCallId)}`),
  },
  operators: {
    list: () => ask<{ items: Operator[] }>('GET', '/api/operators'),
    refresh: (integrationId: string) => ask<OperatorsRefreshed>('POST', '/api/operators/refresh', { body: { integrationId } }),
    change: (operatorId: string, body: OperatorChange) => ask<Operator>('PATCH', `/api/operators/${id(operatorId)}`, { body }),
  },
  demo: {
    read: () => ask<Demo>('GET', '/api/demo'),
    state: () => ask<DemoState>('GET', '/api/demo/state'),
    call: (body: NewDemoCall) => ask<DemoCall>('POST', '/api/demo/calls', { body }),
    act: (callId: string, body: DemoAction) => ask<DemoCall>('POST', `/api/demo/calls/${id(callId)}/actions`, { body }),
    change: (body: DemoSwitchesChange) => ask<DemoSwitches>('PATCH', '/api/demo/switches', { body }),
  },
  calls: {
    active: () => ask<{ items: LiveCall[] }>('GET', '/api/calls', { query: { state: 'active' } }),
    act: (callId: string, actionId: string, action: ActionBody, keepalive = false) =>
      ask<ActionState>('POST', `/api/calls/${id(callId)}/actions`, { body: { actionId, ...action }, keepalive }),
    outcome: (callId: string, actionId: string) => ask<ActionState>('GET', `/api/calls/${id(callId)}/actions/${id(actionId)}`),
  },
  inspector: {
    list: (query: Query, signal?: AbortSignal) =>
      ask<InspectedEvents>('GET', '/api/inspector/events', { query, ...withSignal(signal) }),
    choices: () => ask<InspectorChoices>('GET', '/api/inspector/choices'),
    read: (eventId: string, signal?: AbortSignal) =>
      ask<InspectedEventDetail>('GET', `/api/inspector/events/${id(eventId)}`, withSignal(signal)),
    unmask: (eventId: string) => ask<InspectedEventDetail>('POST', `/api/inspector/events/${id(eventId)}/unmask`),
    timeline: (callId: string, signal?: AbortSignal) =>
      ask<CallTimeline>('GET', `/api/calls/${id(callId)}/timeline`, withSignal(signal)),
  },
  statistics: {
    read: (section: Section, query: Query, signal?: AbortSignal) =>
      ask<Statistics>('GET', `/api/statistics/${section}`, { query, ...withSignal(signal) }),
  },
  /** The stream of changes; the browser resumes it by itself from the last event it saw. */
  events: () => new EventSource('/api/events'),
};

type WithoutId<T> = T extends unknown ? Omit<T, 'actionId'> : never;
/** An agent's action without its id. */
export type ActionBody = WithoutId<CallActionInput>;
