import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

const LOOK_EVERY_MS = 200;

export interface Balancer {
  readonly url: string;
  close(): void;
}

/**
 * What stands before several API processes: takes them in turn, leaves out those that are not ready, and asks the next where one does not
 * answer at all (all the bench sends may be sent twice). Nothing else, so that it costs little.
 */
export async function startBalancer(targets: readonly string[]): Promise<Balancer> {
  const ready = new Set(targets);
  const connections = new Agent({ keepAlive: true, maxSockets: Infinity });
  let turn = 0;

  const isReady = async (target: string): Promise<boolean> => {
    try {
      const answer = await fetch(`${target}/health/ready`, { signal: AbortSignal.timeout(2_000) });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  };
  const look = (target: string): void => void isReady(target).then((itIs) => (itIs ? ready.add(target) : ready.delete(target)));
  const looking = setInterval(() => targets.forEach(look), LOOK_EVERY_MS);

  function pass(incoming: IncomingMessage, body: Buffer, response: ServerResponse, left: readonly string[]): void {
    const [target, ...others] = left;
    if (!target) {
      response.writeHead(502).end();
      return;
    }
    const { method, url, headers } = incoming;
    const outgoing = request(`${target}${url}`, { method, headers, agent: connections }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    outgoing.once('error', () => (response.headersSent ? response.destroy() : pass(incoming, body, response, others)));
    response.once('close', () => response.writableFinished || outgoing.destroy());
    outgoing.end(body);
  }

  const server = createServer((incoming, response) => {
    const [up, down] = [targets.filter((target) => ready.has(target)), targets.filter((target) => !ready.has(target))];
    const first = turn++ % Math.max(1, up.length);
    const order = [...up.slice(first), ...up.slice(0, first), ...down];
    buffer(incoming).then(
      (body) => pass(incoming, body, response, order),
      () => response.destroy(),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      clearInterval(looking);
      server.closeAllConnections();
      server.close();
      connections.destroy();
    },
  };
}
