/** Stands in for the worker and the demo PBX: does nothing until it is told to stop. */
const idle = setInterval(() => undefined, 60_000);
process.on('SIGTERM', () => clearInterval(idle));
