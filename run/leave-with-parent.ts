/** Loaded into our children before their own code: when the process that supervises them is killed, they stop as if asked to. */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
