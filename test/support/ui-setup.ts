import { cleanup } from '@testing-library/vue';
import { afterEach } from 'vitest';

/** What one test has mounted is gone before the next begins. */
afterEach(() => cleanup());
