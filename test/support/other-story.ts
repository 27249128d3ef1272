import { sleep } from '@temporalio/workflow';

/** Under the name of a call's workflow something that replays as nothing of ours. */
export const call = (): Promise<void> => sleep('1 hour');
