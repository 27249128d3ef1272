import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A wire to one or several servers that can be cut, mended and made to swallow what is sent. With several it is a load balancer. */
export interface Gate {
  readonly port: number;
  /** With `answers` only what comes back. */
  swallow(on: boolean, which?: 'all' | 'answers'): void;
  /** Ends all connections; with `refuse` none is accepted until it is healed. */
  cut(refuse?: boolean): void;
  heal(): void;
  close(): Promise<void>;
}

export async function openGate(targets: readonly number[]): Promise<Gate> {
  const sockets = new Set<Socket>();
  let swallowing: 'nothing' | 'answers' | 'all' = 'nothing';
  let [refusing, turn] = [false, 0];

  function join(from: Socket, to: Socket, isAnswer: boolean): void {
    sockets.add(from);
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on('data', (chunk) => {
      if (swallowing === 'all' || (swallowing === 'answers' && isAnswer) || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
  }

  /** The first target that answers, beginning with whose turn it is. */
  function open(client: Socket, left: number): void {
    const upstream = connect(targets[turn++ % targets.length] as number, '127.0.0.1');
    const failed = (): void => (left > 1 && !client.destroyed ? open(client, left - 1) : void client.destroy());
    upstream.once('error', failed);
    upstream.once('connect', () => {
      upstream.off('error', failed);
      join(client, upstream, false);
      join(upstream, client, true);
      client.resume();
    });
  }

  const server: Server = createServer({ pauseOnConnect: true, noDelay: true }, (client) => {
    client.on('error', () => undefined);
    if (refusing) client.destroy();
    else open(client, targets.length);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    swallow: (on, which = 'all') => void (swallowing = on ? which : 'nothing'),
    cut(refuse = false) {
      refusing = refuse;
      for (const socket of sockets) socket.destroy();
    },
    heal() {
      [refusing, swallowing] = [false, 'nothing'];
      // What was swallowed leaves both sides waiting for each other: such a connection is of no use any more.
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
