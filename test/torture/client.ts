import { setTimeout as delay } from 'node:timers/promises';

export interface Answer {
  /** Null where no answer came, however often it was asked. */
  readonly status: number | null;
  readonly body: unknown;
  /** Attempts whose fate the caller never learned: the effect may have happened. */
  readonly unknowns: number;
}

/** A person at a browser: signed in, and patient, as a browser that tries again with the same ids. */
export class Person {
  #cookie = '';
  id = '';

  constructor(
    readonly url: string,
    readonly email: string,
    readonly password: string,
  ) {}

  get cookie(): string {
    return this.#cookie;
  }

  async signIn(): Promise<this> {
    const body = JSON.stringify({ email: this.email, password: this.password });
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const response = await fetch(`${this.url}/api/session`, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`${this.email} could not sign in: ${response.status} ${await response.text()}`);
    this.#cookie = response.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    this.id = ((await response.json()) as { id: string }).id;
    return this;
  }

  /** One attempt. */
  async send(method: string, path: string, body?: unknown, withinMs = 10_000): Promise<{ status: number; body: unknown } | null> {
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: {
          cookie: this.#cookie,
          connection: 'close',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(withinMs),
      });
      const text = await response.text();
      return { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
    } catch {
      return null;
    }
  }

  /** Until there is an answer that is no failure of the service. */
  async ask(method: string, path: string, body?: unknown, patienceMs = 90_000): Promise<Answer> {
    const deadline = Date.now() + patienceMs;
    for (let unknowns = 0; ;) {
      const answer = await this.send(method, path, body);
      if (answer && answer.status < 500 && answer.status !== 429) return { ...answer, unknowns };
      if (!answer || answer.status !== 503) unknowns += 1;
      if (Date.now() > deadline) return { status: answer?.status ?? null, body: answer?.body ?? null, unknowns };
      await delay(250);
    }
  }

  async get<T>(path: string, patienceMs?: number): Promise<T> {
    const { status, body } = await this.ask('GET', path, undefined, patienceMs);
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body as T;
  }
}
