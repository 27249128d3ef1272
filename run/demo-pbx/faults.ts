import type { CallState, PbxEvent } from './wire.ts';

/** Which deliveries go wrong, and how. Rules without a condition hold for every event; all matching rules apply together. */
export interface DeliveryFault {
  /** Ending of the event's path, such as `events/summary`. */
  readonly path?: string;
  readonly state?: CallState;
  readonly seq?: number;
  /** How often the rule applies before it is used up; for ever by default. */
  readonly times?: number;
  /** 0…1, drawn from the seeded generator. */
  readonly chance?: number;

  /** So many copies besides the first. */
  readonly duplicate?: number;
  readonly lose?: boolean;
  /** Sent later, in real milliseconds; the events behind it do not wait. */
  readonly delayMs?: number;
  /** Kept until `pbx.release()`. */
  readonly withhold?: boolean;
  readonly quoteNumbers?: boolean;
  readonly omitOptional?: boolean;
  /** Dotted paths of fields to leave out, such as `to.line_number`. */
  readonly omit?: readonly string[];
  readonly badSignature?: boolean;
  readonly wrongKey?: boolean;
  /** The PBX's clock is so many seconds ahead (or, below zero, behind) in these events. */
  readonly clockSeconds?: number;
}

/** What becomes of commands and queries from the product. */
export interface CommandFault {
  /** Ending of the command's path, such as `commands/callback`. */
  readonly path?: string;
  readonly times?: number;
  readonly chance?: number;

  /** Refused with this result code (mango-api §4.10). */
  readonly code?: number;
  readonly httpStatus?: number;
  /** The rate-limit body of mango-api §1.4. */
  readonly rateLimited?: boolean;
  /** HTTP 401, as during the lock-out after two 3xxx answers. */
  readonly lockedOut?: boolean;
  /** The answer comes this much later; the command takes effect first. */
  readonly delayMs?: number;
  /** The command takes effect and the connection is cut without an answer. */
  readonly loseAnswer?: boolean;
}

export interface RecordingFaults {
  /** Calls whose script says nothing of recording are not recorded. */
  readonly none?: boolean;
  /** So many requests for each recording are answered 3320 before it is there. */
  readonly notReadyTimes?: number;
  /** So many downloads of each recording break off half-way. */
  readonly cutTimes?: number;
  /** However short the talk: no recording is shorter. */
  readonly leastSeconds?: number;
  /** Called when half of a download is on its way; the other half waits for it. */
  readonly halfWay?: (recordingId: string) => Promise<void>;
}

export interface Faults {
  readonly deliveries?: readonly DeliveryFault[];
  /** So many events are collected, shuffled, and sent all at once. `release()` sends what is left. */
  readonly reorder?: number;
  /** What waits to be shuffled leaves after so many real milliseconds, neighbour or not; without it only on `release()`. */
  readonly reorderWithinMs?: number;
  readonly commands?: readonly CommandFault[];
  readonly recordings?: RecordingFaults;
}

interface Rule {
  readonly path?: string;
  readonly times?: number;
  readonly chance?: number;
}

/** The faults in force; counts down those that are limited. */
export interface FaultBox {
  set(faults: Faults): void;
  readonly current: Faults;
  forDelivery(path: string, event: PbxEvent): DeliveryFault;
  forCommand(path: string): CommandFault;
  /** True so many times per recording as the fault says. */
  recordingNotReady(recordingId: string): boolean;
  recordingCut(recordingId: string): boolean;
  random(): number;
}

export function createFaultBox(initial: Faults, seed: number): FaultBox {
  const random = seededRandom(seed);
  let current = initial;
  let used = new Map<Rule, number>();
  let perRecording = new Map<string, number>();

  function applies(rule: Rule, path: string): boolean {
    if (rule.path !== undefined && !path.replace(/\/$/, '').endsWith(rule.path)) return false;
    const count = used.get(rule) ?? 0;
    if (rule.times !== undefined && count >= rule.times) return false;
    if (rule.chance !== undefined && random() >= rule.chance) return false;
    used.set(rule, count + 1);
    return true;
  }

  function countDown(key: string, times: number): boolean {
    const count = perRecording.get(key) ?? 0;
    perRecording.set(key, count + 1);
    return count < times;
  }

  return {
    set(faults) {
      current = faults;
      used = new Map();
      perRecording = new Map();
    },
    get current() {
      return current;
    },
    forDelivery(path, event) {
      const matching = (current.deliveries ?? []).filter((rule) => describes(rule, event) && applies(rule, path));
      return Object.assign({}, ...matching) as DeliveryFault;
    },
    forCommand(path) {
      const matching = (current.commands ?? []).filter((rule) => applies(rule, path));
      return Object.assign({}, ...matching) as CommandFault;
    },
    recordingNotReady: (id) => countDown(`ready:${id}`, current.recordings?.notReadyTimes ?? 0),
    recordingCut: (id) => countDown(`cut:${id}`, current.recordings?.cutTimes ?? 0),
    random,
  };
}

function describes(rule: DeliveryFault, event: PbxEvent): boolean {
  if (rule.state !== undefined && !('call_state' in event && event.call_state === rule.state)) return false;
  return rule.seq === undefined || ('seq' in event && event.seq === rule.seq);
}

/** Mulberry32: the same seed gives the same run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
