/** Where every worker polls unless a test asks for its own queue. */
export const TASK_QUEUE = 'trubka';
