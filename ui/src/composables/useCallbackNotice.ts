import { t } from '../text/index.ts';
import { problemText } from './problem-text.ts';

/** Says why a call from a ticket could not be made; stays until the agent has read it. */
export function useCallbackNotice(): (failure: { readonly code: string }) => void {
  const toast = useToast();
  return (failure) =>
    void toast.add({
      title: t('callback.failed'),
      description: problemText(failure),
      color: 'error',
      icon: 'i-lucide-phone-off',
      duration: 0,
    });
}
