import type { Call } from './call.ts';
import type { CallbackOptions } from './callback.ts';
import { CallbackCall } from './callback.ts';
import type { Clock } from './clock.ts';
import { instantClock, realClock } from './clock.ts';
import type { Sent } from './delivery.ts';
import { createDelivery } from './delivery.ts';
import type { CallContext, FieldMode } from './entry.ts';
import type { CallFacts, PbxLog, ReceivedCommand } from './facts.ts';
import type { Faults } from './faults.ts';
import { createFaultBox } from './faults.ts';
import { createIdMint } from './ids.ts';
import type { IncomingOptions } from './incoming.ts';
import { IncomingCall } from './incoming.ts';
import type { InternalOptions, OutgoingOptions } from './outgoing.ts';
import { InternalCall, OutgoingCall } from './outgoing.ts';
import { createRecordingShelf } from './recording-shelf.ts';
import type { Credentials } from './signature.ts';
import type { Account } from './staff.ts';
import { DEMO_ACCOUNT } from './staff.ts';
import type { PbxEvent } from './wire.ts';

export interface SwitchboardOptions extends Partial<Credentials> {
  /** The product's base URL; events go to `<targetUrl>/mango/events/call` and so on. */
  readonly targetUrl: string;
  readonly account?: Account;
  /** `instant` for tests: time jumps as far as the script says. `real` for people. */
  readonly pace?: 'instant' | 'real';
  /** Fixes the instant clock's beginning, in Unix seconds. */
  readonly startAt?: number;
  readonly fields?: FieldMode;
  readonly faults?: Faults;
  /** Where ids begin to be counted; now, unless two PBXs are to give the same ones. */
  readonly firstId?: number;
  /** For chance and reordering. */
  readonly seed?: number;
  readonly retries?: number;
  readonly retryDelayMs?: number;
  readonly timeoutMs?: number;
  readonly parallel?: boolean;
  /** How many calls, events and commands the log keeps; all by default. */
  readonly logLimit?: number;
}

export type Switchboard = ReturnType<typeof createSwitchboard>;

/** Makes calls, tells the product about them, remembers what truly happened. Knows nothing of commands. */
export function createSwitchboard(options: SwitchboardOptions) {
  const account = options.account ?? DEMO_ACCOUNT;
  const credentials: Credentials = { key: options.key ?? 'demokey', salt: options.salt ?? 'demosalt' };
  const faults = createFaultBox(options.faults ?? {}, options.seed ?? 1);
  const log: PbxLog = { calls: [], sent: [], received: [] };
  const watchers = new Set<(sent: Sent) => void>();
  let targetUrl = options.targetUrl;

  const clock: Clock = options.pace === 'real' ? realClock() : instantClock(options.startAt);
  const shelf = createRecordingShelf(faults);
  const delivery = createDelivery({
    baseUrl: () => `${targetUrl.replace(/\/$/, '')}/mango`,
    credentials,
    faults,
    retries: options.retries ?? 0,
    retryDelayMs: options.retryDelayMs ?? 1000,
    timeoutMs: options.timeoutMs ?? 30_000,
    onSent: (sent) => {
      log.sent.push(sent);
      keepLast(log.sent, options.logLimit);
      for (const watch of watchers) watch(sent);
    },
  });
  const finished = new Set<(facts: CallFacts) => void>();
  const context: CallContext = {
    account,
    ids: createIdMint(account.productId, 501, options.firstId),
    clock,
    delivery,
    shelf,
    fields: options.fields ?? 'v2',
    parallel: options.parallel ?? false,
    recordByDefault: () => (faults.current.recordings?.none ? 'none' : 'stored'),
    onFinished: (facts) => {
      calls.delete(facts.entryId);
      for (const watch of finished) watch(facts);
    },
  };
  const calls = new Map<string, Call>();

  function register<T extends Call>(call: T): T {
    calls.set(call.id, call);
    log.calls.push(call.facts);
    keepLast(log.calls, options.logLimit);
    return call;
  }

  return {
    credentials,
    account,
    clock,
    shelf,
    faults,
    log,
    /** Those that are not finished. */
    calls,
    get targetUrl() {
      return targetUrl;
    },
    /** The product's address, once it is known. */
    setTarget(url: string) {
      targetUrl = url;
    },
    setFaults: (next: Faults) => faults.set(next),
    incoming: (call: IncomingOptions = {}) => register(new IncomingCall(context, call)),
    outgoing: (call: OutgoingOptions) => register(new OutgoingCall(context, call)),
    internal: (call: InternalOptions) => register(new InternalCall(context, call)),
    callback: (call: CallbackOptions) => register(new CallbackCall(context, call)),
    /** Any event at all, signed. */
    send: (path: string, event: PbxEvent) => delivery.send(path, event),
    /** «Проверить подключение»: a POST without signature or body. */
    ping: async () => (await fetch(`${targetUrl}/mango/ping`, { method: 'POST' })).status,
    /** Sends what faults have kept back. */
    release: () => delivery.release(),
    /** Waits until no event is on its way. */
    settled: () => delivery.settled(),
    factsOf: (entryId: string): CallFacts | undefined => log.calls.find((call) => call.entryId === entryId),
    watch(onSent: (sent: Sent) => void): () => void {
      watchers.add(onSent);
      return () => watchers.delete(onSent);
    },
    noteReceived(command: ReceivedCommand): void {
      log.received.push(command);
      keepLast(log.received, options.logLimit);
    },
    /** Puts back the calls of an earlier process. */
    remember(past: readonly CallFacts[]): void {
      log.calls.push(...past);
      for (const facts of past.flatMap((call) => call.recordings)) if (facts.sha256 !== null) shelf.restore(facts);
    },
    watchFinished(onFinished: (facts: CallFacts) => void): () => void {
      finished.add(onFinished);
      return () => finished.delete(onFinished);
    },
    async stop(): Promise<void> {
      delivery.close();
      for (const call of calls.values()) call.drop();
      await delivery.settled();
    },
  };
}

/** Cuts a list back now and then, not at every entry. */
function keepLast(list: unknown[], limit = Infinity): void {
  if (list.length > limit * 1.1) list.splice(0, list.length - limit);
}
