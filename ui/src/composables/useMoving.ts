import { ref } from 'vue';
import { isKept } from './useKept.ts';

/** The name under which the form that moves a conversation's call is kept. */
export const moveFormOf = (conversationId: string): string => `move:${conversationId}`;

/** Whether that form is open: from the start where it was left with something in it. */
export const useMoving = (conversationId: string | undefined) =>
  ref(conversationId !== undefined && isKept(moveFormOf(conversationId)));
