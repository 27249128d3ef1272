/**
 * Loaded once for all workflows, before the first. The SDK notes for each promise of each workflow where it was made, for the stack trace
 * in Temporal's Web UI: a third of what the workflows' thread costs, and half of what a call in flight keeps in memory. What a call waits
 * for its `state` query says in words. `WORKFLOW_STACK_TRACES=true` leaves this out, for whoever looks for a fault in a workflow.
 */
const errors = Error as unknown as { stackTraceLimit: number };
errors.stackTraceLimit = 0;

export {};
