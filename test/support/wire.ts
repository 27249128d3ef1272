import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A wire to a server that can be cut and mended, and that can swallow what is sent. */
export interface Wire {
  readonly port: number;
  /** From now on everything that is sent, in either direction, is lost; connections stay open. */
  swallow(on: boolean): void;
  /** Ends all connections and accepts none. */
  cut(): Promise<void>;
  /** Does nothing while it is whole. */
  heal(): Promise<void>;
}

export async function openWire(target: { readonly host: string; readonly port: number }): Promise<Wire> {
  const sockets = new Set<Socket>();
  let swallowing = false;
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on('data', (chunk) => swallowing || to.write(chunk));
  };
  const listen = (port: number): Promise<Server> =>
    new Promise((resolve) => {
      const gate = createServer((client) => {
        const upstream = connect(target.port, target.host);
        join(client, upstream);
        join(upstream, client);
      }).listen(port, '127.0.0.1', () => resolve(gate));
    });
  let gate: Server | undefined = await listen(0);
  const { port } = gate.address() as AddressInfo;
  return {
    port,
    swallow(on) {
      swallowing = on;
    },
    async cut() {
      for (const socket of sockets) socket.destroy();
      const closing = gate;
      gate = undefined;
      if (closing) await new Promise((resolve) => closing.close(resolve));
    },
    async heal() {
      gate ??= await listen(port);
    },
  };
}
