export interface RunningPostgres {
  readonly serverUrl: string;
  stop(): Promise<void>;
}
export function startPostgres(_options: { readonly directory: string; readonly durable: boolean }): Promise<RunningPostgres> {
  throw new Error('Set TEST_DATABASE_URL');
}
