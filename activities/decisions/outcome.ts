/** What came of an action, as the agent is told it. */
export interface ActionOutcome {
  /** Null: done. */
  readonly code: string | null;
  readonly ticketId?: string | null;
}

export const done = (ticketId?: string | null): ActionOutcome => ({ code: null, ticketId: ticketId ?? null });
export const refused = (code: string, ticketId?: string | null): ActionOutcome => ({ code, ticketId: ticketId ?? null });
