import { nameOfEntry, type EntryKey } from '../../db/inbox.ts';

/** One visit of an entry: whether it has a place among those who hand something to Temporal. */
export interface Place {
  /** False if there is none; once taken it is kept until it is left. */
  take(): boolean;
  leave(): void;
}

interface How {
  readonly first: boolean;
  /** Whether, when it was looked at last, only its workflow could show anything more of it. */
  readonly isLeft: boolean;
}

export interface Room {
  /** A visit that may take a place if one is free and nobody has waited for it. */
  visit(): Place;
  /** A visit that has a place already: of whoever's turn it is, is not `busy`, and waits no longer. Undefined if there is none. */
  next(isBusy: (key: EntryKey) => boolean): { readonly key: EntryKey; readonly place: Place } | undefined;
  /** The entry waits for a place, in its turn; `first` of those that somebody waits for. Said again it keeps its turn. */
  wait(key: EntryKey, how?: Partial<How>): void;
  /** False of an entry that waits and is left to its workflow. */
  mayRing(key: EntryKey): boolean;
  waitNoLonger(key: EntryKey): void;
  readonly waiting: Iterable<string>;
  /** Whether who comes now has to wait. */
  readonly isFull: boolean;
  /** Nobody waits any more: all are found by looking. */
  clear(): void;
}

/** So many at one time hand entries to Temporal; the others are only looked at, for what rings, and have their turn later. */
export function createRoom(size: number): Room {
  const waiting = new Map<string, How & { readonly key: EntryKey }>();
  let taken = 0;

  function place(has: boolean): Place {
    let isTaken = has;
    return {
      take() {
        if (!isTaken && waiting.size === 0 && taken < size) {
          isTaken = true;
          taken += 1;
        }
        return isTaken;
      },
      leave() {
        if (isTaken) taken -= 1;
        isTaken = false;
      },
    };
  }

  return {
    visit: () => place(false),
    next(isBusy) {
      if (taken >= size) return undefined;
      const free = [...waiting.values()].filter(({ key }) => !isBusy(key));
      const next = free.find(({ first }) => first) ?? free[0];
      if (!next) return undefined;
      waiting.delete(nameOfEntry(next.key));
      taken += 1;
      return { key: next.key, place: place(true) };
    },
    wait(key, how = {}) {
      const before = waiting.get(nameOfEntry(key)) ?? { first: false, isLeft: false };
      waiting.set(nameOfEntry(key), { ...before, ...how, key, first: before.first || how.first === true });
    },
    mayRing: (key) => waiting.get(nameOfEntry(key))?.isLeft !== true,
    waitNoLonger: (key) => void waiting.delete(nameOfEntry(key)),
    get waiting() {
      return waiting.keys();
    },
    get isFull() {
      return taken >= size || waiting.size > 0;
    },
    clear: () => waiting.clear(),
  };
}

/** Of a visit that only looks. */
export const NO_PLACE: Place = { take: () => false, leave: () => undefined };
