/** The PBX's documented defences (mango-api §1.4): requests per product and method group, and the invalid-request lock-out. */
export interface Limits {
  /** Counts a request; false where its group's quota is used up. */
  admit(path: string): boolean;
  /** True while the product is locked out. */
  isLockedOut(): boolean;
  /** Counts a 3xxx answer; true if this one is the second within two minutes and is to be answered 401. */
  noteInvalid(): boolean;
}

const LOCKOUT_MS = 120_000;

/** Requests per seconds. The first group whose name stands in the path counts; all count towards `any`. */
const QUOTAS: readonly (readonly [part: string, requests: number, seconds: number])[] = [
  ['/commands/callback', 4, 1],
  ['/commands/call/hangup', 4, 1],
  ['/commands/recording/start', 4, 1],
  ['/commands/transfer', 1, 2],
  ['/commands/route', 1, 2],
  ['/queries/recording/', 10, 1],
  ['/config/users/request', 1, 2],
  ['/account/balance', 2, 1],
  ['/stats/request', 1, 2],
  ['/stats/calls/request', 1, 2],
];
const ANY: readonly [string, number, number] = ['any', 10, 1];

export function createLimits(nowMs: () => number = Date.now): Limits {
  const taken = new Map<string, number[]>();
  let firstInvalidAt: number | null = null;
  let lockedUntil = 0;

  function hasRoom([group, requests, seconds]: readonly [string, number, number]): boolean {
    const since = nowMs() - seconds * 1000;
    const recent = (taken.get(group) ?? []).filter((at) => at > since);
    taken.set(group, recent);
    return recent.length < requests;
  }

  return {
    admit(path) {
      const quotas = [ANY, ...QUOTAS.filter(([part]) => path.includes(part)).slice(0, 1)];
      if (!quotas.every(hasRoom)) return false;
      for (const [group] of quotas) taken.get(group)?.push(nowMs());
      return true;
    },
    isLockedOut: () => nowMs() < lockedUntil,
    noteInvalid() {
      if (firstInvalidAt === null || nowMs() - firstInvalidAt >= LOCKOUT_MS) {
        firstInvalidAt = nowMs();
        return false;
      }
      lockedUntil = firstInvalidAt + LOCKOUT_MS;
      return true;
    },
  };
}
