export { call } from './call.ts';
export { callback } from './callback.ts';
export { mend } from './mend.ts';
export { erasure, retention } from './privacy.ts';
export { reconcile, upkeep } from './upkeep.ts';
