import { createServer } from 'node:net';

/** Whether nobody listens there. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A free port on loopback, `preferred` if it is one: so a service keeps its port over restarts where it can. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred, '127.0.0.1'))) return preferred;
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('No free port'))));
    });
  });
}

/** As many different free ports as there are wishes. */
export async function freePorts(preferred: readonly (number | undefined)[]): Promise<number[]> {
  const ports: number[] = [];
  for (const wish of preferred) {
    let port = await freePort(wish);
    while (ports.includes(port)) port = await freePort();
    ports.push(port);
  }
  return ports;
}
