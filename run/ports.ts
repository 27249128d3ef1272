import { createServer } from 'node:net';

function tryToListen(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Why nobody could listen on that port on all addresses: an error code of the system, undefined if one can. */
export async function whyNotFree(port: number): Promise<string | undefined> {
  const ipv6 = await tryToListen(port, '::');
  const fault = ipv6 === 'EAFNOSUPPORT' || ipv6 === 'EADDRNOTAVAIL' ? undefined : ipv6;
  return fault ?? (await tryToListen(port, '0.0.0.0'));
}

/** A free port on loopback, `preferred` if it is one: so a service keeps its port over restarts where it can. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await tryToListen(preferred, '127.0.0.1')) === undefined) return preferred;
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
