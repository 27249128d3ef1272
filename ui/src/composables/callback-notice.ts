import { tell } from '../live/notices.ts';
import { t } from '../text/index.ts';
import { problemText } from './problem-text.ts';

/** Says why a call from a ticket could not be made; stays until the agent has read it. Who cancelled a call knows already. */
export function tellCallbackFailed(failure: { readonly code: string }): void {
  if (failure.code !== 'cancelled') tell({ kind: 'failed', title: t('callback.failed'), text: problemText(failure) });
}
