/**
 * Where a reader of `stream_events` stands. A sequence is taken at insert and seen at commit, so an id alone would skip what
 * commits late. Everything up to (xid, id) has been told and no transaction up to xid is still running; what has been told
 * beyond that, ahead of older transactions, is listed. As text (`Last-Event-ID`): `<xid>-<id>` or `<xid>-<id>~<id>,<id>`.
 */
export interface Position {
  readonly xid: bigint;
  readonly id: bigint;
  readonly beyond: ReadonlySet<string>;
}

/** A row as far as order is concerned. `settled`: no transaction as old as its own is running any more. */
export interface Placed {
  readonly id: string;
  readonly xid: string;
  readonly settled: boolean;
}

const TEXT = /^(\d{1,19})-(\d{1,19})(?:~(\d{1,19}(?:,\d{1,19}){0,199}))?$/;
/** Beyond this many the list is left out: after a resume these rows are told twice, none is skipped. */
const MAX_LISTED = 100;
const MAX_BIGINT = 2n ** 63n - 1n;

export function parsePosition(text: string | undefined): Position | undefined {
  const found = TEXT.exec(text ?? '');
  if (!found) return undefined;
  const [xid, id] = [BigInt(found[1] ?? ''), BigInt(found[2] ?? '')];
  if (xid > MAX_BIGINT || id > MAX_BIGINT) return undefined;
  return { xid, id, beyond: new Set(found[3]?.split(',')) };
}

export function formatPosition(position: Position): string {
  const base = `${position.xid}-${position.id}`;
  const { size } = position.beyond;
  return size === 0 || size > MAX_LISTED ? base : `${base}~${[...position.beyond].join(',')}`;
}

const before = (a: Placed, b: Placed): number => {
  if (a.xid !== b.xid) return BigInt(a.xid) < BigInt(b.xid) ? -1 : 1;
  return BigInt(a.id) < BigInt(b.id) ? -1 : 1;
};

const byId = (a: Placed, b: Placed): number => (BigInt(a.id) < BigInt(b.id) ? -1 : 1);

export interface Advance<R extends Placed> {
  /** The rows not told yet in the order to tell them, each with the position after it. */
  readonly steps: readonly (readonly [row: R, position: Position])[];
  /** The position after all of them; it may move on without a row, when a transaction that held it back has ended. */
  readonly position: Position;
}

/**
 * Takes all rows visible after `start`. They are told in order of id: rows of one call are written under one lock, so their ids say
 * what came first, which the ids of their transactions do not.
 */
export function advance<R extends Placed>(start: Position, rows: readonly R[]): Advance<R> {
  const inOrder = [...rows].sort(before);
  const told = new Set(start.beyond);
  let { xid, id } = start;
  let next = 0;
  const settle = (): Position => {
    for (let row = inOrder[next]; row?.settled && told.delete(row.id); row = inOrder[next]) {
      [xid, id] = [BigInt(row.xid), BigInt(row.id)];
      next += 1;
    }
    return { xid, id, beyond: new Set(told) };
  };
  const fresh = rows.filter((row) => !start.beyond.has(row.id)).sort(byId);
  const steps = fresh.map((row): readonly [R, Position] => {
    told.add(row.id);
    return [row, settle()];
  });
  return { steps, position: settle() };
}

export const isTold = (position: Position, row: Placed): boolean =>
  position.beyond.has(row.id) ||
  BigInt(row.xid) < position.xid ||
  (BigInt(row.xid) === position.xid && BigInt(row.id) <= position.id);
