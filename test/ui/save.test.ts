import { expect, test } from 'vitest';
import { Problem } from '../../ui/src/client.ts';
import { useSave } from '../../ui/src/composables/useSave.ts';

const refusal = () => new Problem(422, 'invalid');

test('a second click on one button sends nothing while the first is on its way', async () => {
  const sent: string[] = [];
  const { save } = useSave();
  const send = (what: string) => save(async () => void (await Promise.resolve(sent.push(what))));
  await Promise.all([send('first'), send('second')]);
  expect(sent).toEqual(['first']);
});

test('each of several switches is sent, one after the other', async () => {
  const seen: string[] = [];
  const { busy, saveInTurn } = useSave();
  const send = (what: string) =>
    saveInTurn(async () => {
      seen.push(`${what} begins`);
      await Promise.resolve();
      seen.push(`${what} ends`);
      return what;
    });
  const both = Promise.all([send('first'), send('second')]);
  expect(await both).toEqual(['first', 'second']);
  expect(seen).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
  expect(busy.value).toBe(false);
});

test('a refusal stays to be read when the next one succeeds, until something new is asked for', async () => {
  const { problem, saveInTurn } = useSave();
  const refused = saveInTurn(() => Promise.reject(refusal()));
  const kept = saveInTurn(() => Promise.resolve('kept'));
  expect(await refused).toBeNull();
  expect(await kept).toBe('kept');
  expect(problem.value?.status).toBe(422);
  await saveInTurn(() => Promise.resolve('later'));
  expect(problem.value).toBeNull();
});
