/** Counts how long the audio lasts while it passes by, a chunk at a time. */
export interface Meter {
  push(chunk: Buffer): void;
  /** Seconds; null if not one piece of audio was found. */
  finish(): number | null;
}

const BITRATES = {
  'v1 layer 1': [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  'v1 layer 2': [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  'v1 layer 3': [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  'v2 layer 1': [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  'v2 layer 2': [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  'v2 layer 3': [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const SAMPLE_RATES = [44_100, 48_000, 32_000] as const;
/** An ID3v2 header; a frame's own is shorter. */
const HEADER_BYTES = 10;

export interface Mp3Frame {
  readonly bytes: number;
  readonly seconds: number;
}

/** The MPEG audio frame that begins here, or null. */
export function readMp3Frame(data: Buffer, at: number): Mp3Frame | null {
  if (at + 4 > data.length) return null;
  const head = data.readUInt32BE(at);
  if (head >>> 21 !== 0x7ff) return null;
  const version = (head >>> 19) & 3;
  const layer = 4 - ((head >>> 17) & 3);
  const bitrateIndex = (head >>> 12) & 15;
  const rate = SAMPLE_RATES[(head >>> 10) & 3];
  if (version === 1 || layer === 4 || rate === undefined) return null;
  const isFirst = version === 3;
  const kilobits = BITRATES[`v${isFirst ? 1 : 2} layer ${layer as 1 | 2 | 3}`][bitrateIndex - 1];
  if (kilobits === undefined) return null;
  const sampleRate = rate / (isFirst ? 1 : version === 2 ? 2 : 4);
  const samples = layer === 1 ? 384 : layer === 2 || isFirst ? 1_152 : 576;
  const padding = ((head >>> 9) & 1) * (layer === 1 ? 4 : 1);
  const slot = layer === 1 ? 4 : 1;
  const bytes = Math.floor(((samples / 8) * kilobits * 1_000) / sampleRate / slot) * slot + padding;
  return { bytes, seconds: samples / sampleRate };
}

/** Length of the ID3v2 tag that begins here, its header included; 0 if there is none. */
export function id3Bytes(data: Buffer, at: number): number {
  if (at + HEADER_BYTES > data.length || data.toString('latin1', at, at + 3) !== 'ID3') return 0;
  const [a = 0, b = 0, c = 0, d = 0] = data.subarray(at + 6, at + 10);
  return HEADER_BYTES + ((a & 127) << 21) + ((b & 127) << 14) + ((c & 127) << 7) + (d & 127);
}

/** Adds up frames, so that it is right for variable bit rates and files without any heading. */
export function createMp3Meter(): Meter {
  let carried: Buffer = Buffer.alloc(0);
  let skip = 0;
  let frames = 0;
  let seconds = 0;
  return {
    push(chunk) {
      const data = carried.length > 0 ? Buffer.concat([carried, chunk]) : chunk;
      let at = 0;
      for (;;) {
        const step = Math.min(skip, data.length - at);
        at += step;
        skip -= step;
        if (data.length - at < HEADER_BYTES) break;
        const frame = readMp3Frame(data, at);
        if (frame) {
          frames += 1;
          seconds += frame.seconds;
        }
        skip = frame?.bytes ?? (id3Bytes(data, at) || 1);
      }
      carried = data.subarray(at);
    },
    finish: () => (frames > 0 ? seconds : null),
  };
}

const HEAD_BYTES = 64 * 1024;

/** Bytes of sound by bytes a second. A length that the header does not know (0, all ones) is what was there. */
export function createWavMeter(): Meter {
  let head: Buffer = Buffer.alloc(0);
  let total = 0;
  return {
    push(chunk) {
      total += chunk.length;
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk]);
    },
    finish() {
      let bytesPerSecond = 0;
      for (let at = 12; at + 8 <= head.length;) {
        const name = head.toString('latin1', at, at + 4);
        const length = head.readUInt32LE(at + 4);
        if (name === 'fmt ' && at + 20 <= head.length) bytesPerSecond = head.readUInt32LE(at + 16);
        if (name === 'data') {
          const there = total - at - 8;
          return bytesPerSecond > 0 ? (length === 0 ? there : Math.min(length, there)) / bytesPerSecond : null;
        }
        at += 8 + length + (length % 2);
      }
      return null;
    },
  };
}

const PAGE_BYTES = 27;

/** The position that the last page says it ends at, by the rate that the first one gives. */
export function createOggMeter(): Meter {
  let head: Buffer = Buffer.alloc(0);
  let carried: Buffer = Buffer.alloc(0);
  let lastPosition: bigint | null = null;
  return {
    push(chunk) {
      if (head.length < 256) head = Buffer.concat([head, chunk.subarray(0, 256)]);
      const data = Buffer.concat([carried, chunk]);
      for (let at = data.indexOf('OggS'); at !== -1 && at + PAGE_BYTES <= data.length; at = data.indexOf('OggS', at + 4)) {
        const position = data.readBigInt64LE(at + 6);
        if (position >= 0n) lastPosition = position;
      }
      carried = Buffer.from(data.subarray(Math.max(0, data.length - PAGE_BYTES + 1)));
    },
    finish() {
      const opus = head.indexOf('OpusHead');
      const vorbis = head.indexOf('\x01vorbis');
      if (lastPosition === null) return null;
      if (opus !== -1 && opus + 12 <= head.length) {
        return Math.max(0, Number(lastPosition) - head.readUInt16LE(opus + 10)) / 48_000;
      }
      const rate = vorbis !== -1 && vorbis + 16 <= head.length ? head.readUInt32LE(vorbis + 12) : 0;
      return rate > 0 ? Number(lastPosition) / rate : null;
    },
  };
}
