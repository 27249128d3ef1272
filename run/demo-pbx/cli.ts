import type { Order } from './cli-arguments.ts';
import { UsageError, readArguments } from './cli-arguments.ts';
import { connectionFileOf, readConnection } from './connection-file.ts';
import type { Sent } from './delivery.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { isRecord } from './wire.ts';
import { createNarrator } from './words.ts';

const HOW_TO_START = `Start the whole service:     npm start
Or the demo PBX alone:       DEMO_PBX_TARGET=http://127.0.0.1:3000 node --import tsx run/demo-pbx/server.ts
(DATA_DIR must be the same for both; ./data unless set)`;

/** Makes one call on the running demo PBX and prints each event as it is sent. True if the product took them all. */
async function makeCall({ scenario, options }: Extract<Order, { kind: 'call' }>, dataDir: string): Promise<boolean> {
  const { control, target } = readConnection(dataDir);
  if (!control)
    throw new UsageError(`The demo PBX is not running: ${connectionFileOf(dataDir)} does not name it.\n${HOW_TO_START}`);
  const response = await ask(`${control}/control/calls`, { scenario, options });
  console.log(`${scenario}: events go to ${target ?? '?'}/mango`);
  const print = createPrinter();
  let finished = false;
  for await (const line of linesOf(response)) finished = print(line) || finished;
  if (!finished) throw new UsageError('The demo PBX stopped before the call was over.');
  return print.refused() === 0;
}

async function ask(url: string, body: unknown): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch((error: unknown) => {
    throw new UsageError(`The demo PBX is not running: nothing answers at ${url}.\n${HOW_TO_START}`, { cause: error });
  });
  if (!response.ok) throw new UsageError(`The demo PBX refused the call: ${await response.text()}`);
  return response;
}

interface Printer {
  /** True for the last line. */
  (line: unknown): boolean;
  refused(): number;
}

function createPrinter(): Printer {
  const narrate = createNarrator();
  const startedAt = Date.now();
  let refused = 0;
  const print = (line: unknown): boolean => {
    if (!isRecord(line)) return false;
    if (line['finished'] === false) throw new UsageError(`The call broke off: ${String(line['problem'])}`);
    if (line['finished'] === true) {
      console.log(refused === 0 ? 'Done.' : `Done; ${refused} events were not accepted.`);
      return true;
    }
    if (typeof line['path'] !== 'string') return false;
    const sent = line as unknown as Sent;
    if (sent.status === null || sent.status >= 300) refused += 1;
    console.log(row(sent, narrate(sent.path, JSON.parse(sent.json)), (Date.now() - startedAt) / 1000));
    return false;
  };
  return Object.assign(print, { refused: () => refused });
}

function row(sent: Sent, words: string, seconds: number): string {
  const answer = sent.status === null ? `no answer (${sent.failure ?? 'unknown'})` : `${sent.status} in ${sent.tookMs} ms`;
  return `${`+${seconds.toFixed(1)}s`.padStart(7)}  ${words.padEnd(70)} ${answer}`;
}

async function* linesOf(response: Response): AsyncGenerator<unknown> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter(Boolean)) yield JSON.parse(line);
  }
}

function list(): void {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length));
  console.log(SCENARIOS.map(({ name, sentence }) => `${name.padEnd(width)}  ${sentence}`).join('\n'));
}

async function main(): Promise<void> {
  const order = readArguments(process.argv.slice(2));
  if (order.kind === 'list') return list();
  const accepted = await makeCall(order, process.env['DATA_DIR'] || './data');
  process.exitCode = accepted ? 0 : 1;
}

// `npm run call -- --list | head` closes the pipe early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
main().catch((error: unknown) => {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = 1;
});
