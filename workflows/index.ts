export { call } from './call.ts';
export { callback } from './callback.ts';
export { reconcile, upkeep } from './upkeep.ts';
