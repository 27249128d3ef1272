/** MP3 frames by hand: MPEG-1 layer III, 128 kbit/s, 44.1 kHz, 417 or 418 bytes and 26 ms each. */
export function mp3(frames: number, options: { readonly id3?: boolean } = {}): Buffer {
  const frame = (index: number): Buffer => {
    const body = Buffer.alloc(417 + (index % 2), index % 251);
    body.set([0xff, 0xfb, index % 2 ? 0x92 : 0x90, 0x64]);
    return body;
  };
  const tag = Buffer.concat([Buffer.from('ID3\x04\x00\x00\x00\x00\x02\x00', 'latin1'), Buffer.alloc(256)]);
  return Buffer.concat([...(options.id3 ? [tag] : []), ...Array.from({ length: frames }, (_, index) => frame(index))]);
}

export const mp3Seconds = (frames: number): number => (frames * 1_152) / 44_100;

export function wav(seconds: number, options: { readonly announced?: number } = {}): Buffer {
  const bytesPerSecond = 16_000;
  const sound = Buffer.alloc(seconds * bytesPerSecond, 7);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + sound.length, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(bytesPerSecond, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(options.announced ?? sound.length, 40);
  return Buffer.concat([head, sound]);
}

function oggPage(position: bigint, body: Buffer): Buffer {
  const head = Buffer.alloc(28);
  head.write('OggS', 0, 'latin1');
  head.writeBigInt64LE(position, 6);
  head[26] = 1;
  head[27] = Math.min(255, body.length);
  return Buffer.concat([head, body]);
}

export function opus(seconds: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head.writeUInt16LE(312, 10);
  const pages = Array.from({ length: seconds }, (_, i) => oggPage(BigInt(312 + (i + 1) * 48_000), Buffer.alloc(200, i)));
  return Buffer.concat([oggPage(0n, head), ...pages, oggPage(-1n, Buffer.alloc(10))]);
}

export function vorbis(seconds: number, rate = 22_050): Buffer {
  const head = Buffer.alloc(30);
  head.write('\x01vorbis', 0, 'latin1');
  head.writeUInt32LE(rate, 12);
  return Buffer.concat([oggPage(0n, head), oggPage(BigInt(seconds * rate), Buffer.alloc(200))]);
}
