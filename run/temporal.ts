export interface RunningTemporal {
  readonly address: string;
  stop(): Promise<void>;
}
export function startTemporal(_options: { readonly directory: string | null }): Promise<RunningTemporal> {
  throw new Error('Set TEST_TEMPORAL_ADDRESS');
}
