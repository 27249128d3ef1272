import { expect, test } from 'vitest';
import { createRoom } from '../../activities/dispatcher/room.ts';

const key = (entry: string) => ({ integrationId: null, entry });
const nobody = (): boolean => false;

test('so many have a place at one time, and one that is left goes to whoever waits', () => {
  const room = createRoom(2);
  const [a, b, c] = [room.visit(), room.visit(), room.visit()];
  expect([a.take(), b.take(), c.take(), a.take()]).toEqual([true, true, false, true]);
  room.wait(key('c'));
  expect(room.next(nobody)).toBeUndefined();
  a.leave();
  a.leave();
  const late = room.visit();
  expect(late.take()).toBe(false);
  const next = room.next(nobody);
  expect(next?.key).toEqual(key('c'));
  expect(next?.place.take()).toBe(true);
  expect(room.next(nobody)).toBeUndefined();
});

test('turns are in order of arrival, but for those that somebody waits for and those that are busy', () => {
  const room = createRoom(9);
  for (const entry of ['a', 'b', 'c']) room.wait(key(entry));
  room.wait(key('a'));
  room.wait(key('d'), { first: true });
  room.wait(key('d'));
  const turns = Array.from({ length: 4 }, () => room.next(({ entry }) => entry === 'b')?.key.entry);
  expect(turns).toEqual(['d', 'a', 'c', undefined]);
  expect([...room.waiting]).toEqual(['/b']);
  room.waitNoLonger(key('b'));
  expect(room.next(nobody)).toBeUndefined();
});

test('an entry that waits is looked at again unless it is left to its workflow', () => {
  const room = createRoom(1);
  expect(room.mayRing(key('a'))).toBe(true);
  room.wait(key('a'), { isLeft: true });
  expect(room.mayRing(key('a'))).toBe(false);
  room.wait(key('a'), { isLeft: false });
  room.wait(key('a'));
  room.wait(key('b'));
  expect([room.mayRing(key('a')), room.mayRing(key('b')), room.isFull]).toEqual([true, true, true]);
  room.clear();
  expect([[...room.waiting], room.isFull]).toEqual([[], false]);
});
