import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { createDiskStore } from '../../activities/recordings/disk-store.ts';

/** Run with a limit on the size of files: saves more than fits, and says what came of it. */
const [, , directory = ''] = process.argv;
try {
  await createDiskStore(directory).save(randomUUID(), Readable.from([Buffer.alloc(50_000), Buffer.alloc(50_000)]));
  console.log('saved');
} catch (error) {
  console.log((error as Error).name, ((error as Error).cause as NodeJS.ErrnoException).code);
}
