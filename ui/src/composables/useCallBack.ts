import { client } from '../client.ts';
import { refreshCalls } from '../live/calls.ts';
import { tellCallbackFailed } from './callback-notice.ts';
import { useRequestId } from './useRequestId.ts';
import { useSave } from './useSave.ts';

/** Orders a call to a ticket's customer; why it cannot be made is told. Repeated for want of an answer, it is the same call. */
export function useCallBack() {
  const { busy, problem, save } = useSave();
  const { idFor, answered } = useRequestId();

  async function callBack(ticketId: string, phone?: string): Promise<boolean> {
    if (busy.value) return false;
    const order = phone ? { phone } : {};
    const ordered = await save(() => client.tickets.callBack(ticketId, { ...order, commandId: idFor([ticketId, phone]) }));
    answered(problem.value);
    if (ordered) await refreshCalls();
    else if (problem.value) tellCallbackFailed(problem.value);
    return ordered !== null;
  }
  return { busy, callBack };
}
