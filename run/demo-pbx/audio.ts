import { Mp3Encoder } from '@breezystack/lamejs';

/**
 * Real, recognisable sound at little cost: the extension's digits as telephone tones, encoded once per extension
 * and repeated frame by frame. Frames of this encoder do not lean on each other, so any number of them is a valid MP3.
 */

const RATE = 16000;
const KBPS = 24;
const SAMPLES_PER_FRAME = 576;
const BYTES_PER_FRAME = (SAMPLES_PER_FRAME / 8) * ((KBPS * 1000) / RATE);
const LOOP_FRAMES = 55; // Two seconds, within one frame.
export const MAX_AUDIO_SECONDS = 20;

const ROWS: Readonly<Record<string, number>> = { 1: 697, 2: 697, 3: 697, 4: 770, 5: 770, 6: 770, 7: 852, 8: 852, 9: 852, 0: 941 };
const COLUMNS: Readonly<Record<string, number>> = {
  1: 1209,
  2: 1336,
  3: 1477,
  4: 1209,
  5: 1336,
  6: 1477,
  7: 1209,
  8: 1336,
  9: 1477,
  0: 1336,
};

const loops = new Map<string, readonly Buffer[]>();

/** An MP3 of about so many seconds; the title makes each file's bytes its own. */
export function soundOf(extension: string, seconds: number, title: string): Buffer {
  const frames = framesOf(extension);
  const count = Math.max(1, Math.round((Math.min(seconds, MAX_AUDIO_SECONDS) * RATE) / SAMPLES_PER_FRAME));
  const sound = Array.from({ length: count }, (_, index) => frames[index % frames.length] as Buffer);
  return Buffer.concat([titleTag(title), ...sound]);
}

function framesOf(extension: string): readonly Buffer[] {
  const known = loops.get(extension);
  if (known) return known;
  const made = encodeLoop(tonesOf(extension));
  loops.set(extension, made);
  return made;
}

function encodeLoop(samples: Int16Array): readonly Buffer[] {
  const encoder = new Mp3Encoder(1, RATE, KBPS);
  const bytes = Buffer.concat([Buffer.from(encoder.encodeBuffer(samples)), Buffer.from(encoder.flush())]);
  const whole = Math.floor(bytes.length / BYTES_PER_FRAME);
  return Array.from({ length: whole }, (_, index) => bytes.subarray(index * BYTES_PER_FRAME, (index + 1) * BYTES_PER_FRAME));
}

/** A fifth of a second of tone for each digit, a tenth of silence, and quiet to the end of the loop. */
function tonesOf(extension: string): Int16Array {
  const samples = new Int16Array(LOOP_FRAMES * SAMPLES_PER_FRAME);
  const digits = extension.replace(/\D/g, '').slice(0, 6);
  [...(digits || '1')].forEach((digit, place) => {
    const start = Math.round(place * 0.3 * RATE);
    const [low, high] = [ROWS[digit] ?? 697, COLUMNS[digit] ?? 1209];
    for (let n = 0; n < 0.2 * RATE && start + n < samples.length; n += 1) {
      const angle = (2 * Math.PI * n) / RATE;
      samples[start + n] = Math.round(6000 * (Math.sin(low * angle) + Math.sin(high * angle)));
    }
  });
  return samples;
}

/** An ID3v2.3 tag with a title; players show it, decoders skip it. */
function titleTag(title: string): Buffer {
  const text = Buffer.concat([Buffer.from([1, 0xff, 0xfe]), Buffer.from(title, 'utf16le')]);
  const frame = Buffer.concat([Buffer.from('TIT2'), uint32(text.length), Buffer.from([0, 0]), text]);
  return Buffer.concat([Buffer.from('ID3'), Buffer.from([3, 0, 0]), synchsafe(frame.length), frame]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Seven bits a byte, as ID3 counts its tag. */
function synchsafe(value: number): Buffer {
  return Buffer.from([21, 14, 7, 0].map((shift) => (value >> shift) & 0x7f));
}
