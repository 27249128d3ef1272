/**
 * Loaded into our children before their own code: when the process that supervises them is killed, they stop as if asked to.
 * Plain JavaScript, as a child's threads load it too, and without tsx.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}
