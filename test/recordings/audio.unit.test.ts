import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioProbe, sniffAudio } from '../../activities/recordings/audio.ts';
import { soundOf } from '../../run/demo-pbx/audio.ts';
import { mp3, mp3Seconds, opus, vorbis, wav } from './sounds.ts';

async function probe(body: Buffer, chunkBytes = 1_000) {
  const chunks = Array.from({ length: Math.ceil(body.length / chunkBytes) }, (_, i) =>
    body.subarray(i * chunkBytes, (i + 1) * chunkBytes),
  );
  const through = new AudioProbe();
  const [passed] = await Promise.all([buffer(through), pipeline(Readable.from(chunks), through)]);
  return { passed, ...through.result };
}

describe('Audio is known by its content', () => {
  it.each([
    ['MP3', mp3(100), 'audio/mpeg', mp3Seconds(100)],
    ['MP3 with a tag in front', mp3(100, { id3: true }), 'audio/mpeg', mp3Seconds(100)],
    ['MP3 of one frame', mp3(1), 'audio/mpeg', mp3Seconds(1)],
    ['MP3 after some rubbish', Buffer.concat([Buffer.alloc(700), mp3(50)]), 'audio/mpeg', mp3Seconds(50)],
    ['MP3 of a real encoder', soundOf('101', 7, 'title'), 'audio/mpeg', 7],
    ['WAV', wav(9), 'audio/wav', 9],
    ['WAV that was written while it came', wav(9, { announced: 0 }), 'audio/wav', 9],
    ['WAV that promises more than there is', wav(9, { announced: 0xffffffff }), 'audio/wav', 9],
    ['Opus', opus(11), 'audio/ogg', 11],
    ['Vorbis', vorbis(5), 'audio/ogg', 5],
  ])('%s: type and length are right, and not a byte is changed', async (_what, body, contentType, seconds) => {
    const result = await probe(body);
    expect(result.contentType).toBe(contentType);
    expect(result.durationSeconds).toBe(Math.round(seconds));
    expect(result.passed.equals(body)).toBe(true);
  });

  it('however the bytes are cut into pieces', async () => {
    const bodies = [mp3(40, { id3: true }), wav(2), opus(3)];
    const whole = await Promise.all(bodies.map((body) => probe(body, body.length)));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3_000 }), async (chunkBytes) => {
        const cut = await Promise.all(bodies.map((body) => probe(body, chunkBytes)));
        expect(cut).toEqual(whole);
      }),
      { numRuns: 12 },
    );
  });

  it.each([
    ['a page', Buffer.from('<!doctype html><html><body>Сервис недоступен</body></html>'.repeat(200))],
    ['a message', Buffer.from('{"result":5000,"message":"error"}')],
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(100_000)],
    ['a page in UTF-16', Buffer.from(`\ufeff<html>${'a'.repeat(5_000)}`, 'utf16le')],
    ['a compressed page', Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(9_000, 0x5a)])],
    ['a tag with nothing behind it', Buffer.from('ID3\x04\x00\x00\x00\x00\x00\x00'.padEnd(400, 'x'), 'latin1')],
    ['a WAV header alone', wav(1).subarray(0, 30)],
    ['an Ogg of something else', Buffer.from('OggS'.padEnd(300, 'x'))],
    ['a video', Buffer.from('\x00\x00\x00\x18ftypmp42'.padEnd(9_000, 'x'), 'latin1')],
  ])('%s is none', async (_what, body) => {
    await expect(probe(body)).rejects.toMatchObject({ name: 'NotAudioError' });
  });

  it('a page is refused from its first bytes on, not after it has been read whole', async () => {
    let read = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          read += 1;
          yield Buffer.from('<p>Ждите</p>'.repeat(100));
        }
      })(),
    );
    await expect(pipeline(endless, new AudioProbe())).rejects.toMatchObject({ name: 'NotAudioError' });
    expect(read).toBeLessThan(20);
  });

  it('no text is ever taken for audio', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000, unit: 'binary' }), (text) => {
        fc.pre(!/^(ID3|OggS|RIFF)/.test(text));
        expect(sniffAudio(Buffer.from(text, 'utf8'))).toBeNull();
      }),
    );
  });
});
