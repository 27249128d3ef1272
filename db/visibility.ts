/** Who asks. Admins see all; an agent with `access: own` sees tickets assigned to them or to nobody. */
export interface Viewer {
  readonly agentId: string;
  readonly role: 'agent' | 'admin';
  readonly access: 'all' | 'own';
}

/** A condition for a `where`, with the values of its question marks. */
export interface Condition {
  readonly sql: string;
  readonly bindings: readonly string[];
}

export const seesEverything = (viewer: Viewer): boolean => viewer.role === 'admin' || viewer.access === 'all';

/** Whether a ticket with this assignee may be seen: the same rule as `ticketVisible`, for rows already read. */
export const maySee = (viewer: Viewer, assigneeId: string | null): boolean =>
  seesEverything(viewer) || assigneeId === null || assigneeId === viewer.agentId;

/** The rule as SQL over table alias `ticket`; recordings, calls, events and figures follow the ticket's. */
export const ticketVisible = (viewer: Viewer, ticket = 't'): Condition =>
  seesEverything(viewer)
    ? { sql: 'true', bindings: [] }
    : { sql: `(${ticket}.assignee_id is null or ${ticket}.assignee_id = ?)`, bindings: [viewer.agentId] };
