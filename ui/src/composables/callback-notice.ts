import { tell } from '../live/notices.ts';
import { t } from '../text/index.ts';
import { problemText } from './problem-text.ts';

/** Says why a call from a ticket could not be made; stays until the agent has read it. */
export const tellCallbackFailed = (failure: { readonly code: string }): void =>
  tell({ kind: 'failed', title: t('callback.failed'), text: problemText(failure) });
