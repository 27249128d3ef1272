/** `npm start` on whatever machine: plain JavaScript without dependencies, as nothing may be installed yet. */
import { prepare } from './prepare.mjs';

prepare();
const { register } = await import('tsx/esm/api');
register();
await import('./start.ts');
