export { call } from './call.ts';
export { callback } from './callback.ts';
