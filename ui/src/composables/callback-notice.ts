import { dismissNotice, tell } from '../live/notices.ts';
import { t } from '../text/index.ts';
import { problemText } from './problem-text.ts';

const told: number[] = [];

/** Says why a call from a ticket could not be made; stays until it is closed, or the agent's next call is under way. Who cancelled a call knows already. */
export function tellCallbackFailed({ code, pbxCode }: { readonly code: string; readonly pbxCode?: number | undefined }): void {
  if (code === 'cancelled') return;
  const aside = pbxCode === undefined ? {} : { aside: t('callback.pbxCode', { code: pbxCode }) };
  told.push(tell({ kind: 'failed', title: t('callback.failed'), text: problemText({ code }), ...aside }));
}

export const dismissCallbackFailed = (): void => told.splice(0).forEach(dismissNotice);
