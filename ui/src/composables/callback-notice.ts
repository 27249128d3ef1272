import { tell } from '../live/notices.ts';
import { t } from '../text/index.ts';
import { problemText } from './problem-text.ts';

/** Says why a call from a ticket could not be made; stays until the agent has read it. Who cancelled a call knows already. */
export function tellCallbackFailed({ code, pbxCode }: { readonly code: string; readonly pbxCode?: number | undefined }): void {
  if (code === 'cancelled') return;
  const aside = pbxCode === undefined ? {} : { aside: t('callback.pbxCode', { code: pbxCode }) };
  tell({ kind: 'failed', title: t('callback.failed'), text: problemText({ code }), ...aside });
}
