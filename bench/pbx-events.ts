import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { ACCOUNT } from './stage.ts';

const connections = new Agent({ keepAlive: true, maxSockets: 64 });

/** Sends one signed webhook; resolves with how long the answer took. Anything but 200 is a failure of the bench. */
export function post(url: string, path: string, event: object): Promise<number> {
  const json = JSON.stringify(event);
  const sign = createHash('sha256')
    .update(ACCOUNT.key + json + ACCOUNT.salt)
    .digest('hex');
  const body = new URLSearchParams({ vpbx_api_key: ACCOUNT.key, sign, json }).toString();
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(`${url}/mango${path}`, { method: 'POST', agent: connections, headers }, (response) => {
      response.resume();
      response.once('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - startedAt);
        else reject(new Error(`${path} was answered ${response.statusCode}`));
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** The events of one incoming call that one operator answers, in mango-api's shapes. */
export class BenchCall {
  readonly phone: string;
  private seq = 0;
  private readonly entry: string;

  constructor(
    private readonly url: string,
    private readonly extension: string,
    index: number,
  ) {
    this.phone = `7999${String(1_000_000 + index)}`;
    this.entry = Buffer.from(`bench-${index}`).toString('base64');
  }

  leg(state: 'Appeared' | 'Connected' | 'Disconnected'): Promise<number> {
    return post(this.url, '/events/call', {
      entry_id: this.entry,
      call_id: `${this.entry}A`,
      timestamp: Math.floor(Date.now() / 1000),
      seq: ++this.seq,
      call_state: state,
      location: 'abonent',
      from: { number: this.phone },
      to: { extension: this.extension, number: `sip:${this.extension}@vpbx1.mangosip.ru`, line_number: '74950000000' },
      dct: { type: 0 },
      ...(state === 'Disconnected' ? { disconnect_reason: 1110 } : {}),
    });
  }

  summary(): Promise<number> {
    const now = Math.floor(Date.now() / 1000);
    return post(this.url, '/events/summary', {
      entry_id: this.entry,
      call_direction: 1,
      from: { number: this.phone },
      to: { extension: this.extension },
      line_number: '74950000000',
      create_time: now - 2,
      forward_time: now - 2,
      talk_time: now - 1,
      end_time: now,
      entry_result: 1,
      disconnect_reason: 1110,
    });
  }
}
