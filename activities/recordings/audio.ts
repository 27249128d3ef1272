import { Transform, type TransformCallback } from 'node:stream';
import { createMp3Meter, createOggMeter, createWavMeter, id3Bytes, readMp3Frame, type Meter } from './audio-meters.ts';

export type AudioType = 'audio/mpeg' | 'audio/wav' | 'audio/ogg';

/** What came is a page, a message, or nothing at all. */
export class NotAudioError extends Error {
  override readonly name = 'NotAudioError';
}

/** So many bytes tell what it is: two of the longest MP3 frames. */
const SNIFFED_BYTES = 6 * 1024;

/** The type by content; what the sender claims is not asked. Null: no audio that we know. */
export function sniffAudio(head: Buffer): AudioType | null {
  if (id3Bytes(head, 0) > 0) return 'audio/mpeg';
  if (head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WAVE') return 'audio/wav';
  if (head.toString('latin1', 0, 4) === 'OggS') return 'audio/ogg';
  return startsWithFrames(head) ? 'audio/mpeg' : null;
}

/** A frame's mark alone may be chance: another frame, or the end, must stand where it ends. */
function startsWithFrames(head: Buffer): boolean {
  for (let at = 0; at + 4 <= head.length; at += 1) {
    const frame = head[at] === 0xff ? readMp3Frame(head, at) : null;
    const next = at + (frame?.bytes ?? 0);
    if (frame && (next === head.length || readMp3Frame(head, next))) return true;
  }
  return false;
}

const METERS: Readonly<Record<AudioType, () => Meter>> = {
  'audio/mpeg': createMp3Meter,
  'audio/wav': createWavMeter,
  'audio/ogg': createOggMeter,
};

/** Lets audio pass unchanged and learns its type and length on the way; fails as soon as it is known to be none. */
export class AudioProbe extends Transform {
  #head: Buffer = Buffer.alloc(0);
  #type: AudioType | null = null;
  #meter: Meter | null = null;
  #seconds: number | null = null;

  /** After the end. */
  get result(): { readonly contentType: AudioType; readonly durationSeconds: number } {
    if (this.#type === null || this.#seconds === null) throw new Error('The audio has not passed yet');
    return { contentType: this.#type, durationSeconds: Math.round(this.#seconds) };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#meter) {
      this.#meter.push(chunk);
      return done(null, chunk);
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    if (this.#head.length < SNIFFED_BYTES) return done();
    done(this.#begin(), this.#head);
  }

  override _flush(done: TransformCallback): void {
    const error = this.#meter ? null : this.#begin();
    if (error) return done(error);
    if (this.#head.length < SNIFFED_BYTES) this.push(this.#head);
    this.#seconds = this.#meter?.finish() ?? null;
    done(this.#seconds === null ? new NotAudioError(`No sound in ${this.#type}`) : null);
  }

  #begin(): NotAudioError | null {
    this.#type = sniffAudio(this.#head);
    if (this.#type === null) return new NotAudioError(`The first ${this.#head.length} bytes are of no known kind of audio`);
    this.#meter = METERS[this.#type]();
    this.#meter.push(this.#head);
    return null;
  }
}
