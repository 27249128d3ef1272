import { fileURLToPath } from 'node:url';
import ui from '@nuxt/ui/vite';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const projectRoot = fileURLToPath(new URL('..', import.meta.url));
const apiAddress = process.env['API_ADDRESS'] ?? `http://127.0.0.1:${process.env['PORT'] ?? '3000'}`;

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [
    vue(),
    ui({
      root: projectRoot,
      // The scan bundles every icon written as a literal `i-lucide-…`; a computed name would be fetched from the network, so there are none.
      icon: { clientBundle: { scan: { globInclude: ['ui/src/**/*.{vue,ts}'] }, sizeLimitKb: 0 } },
      autoImport: { dts: fileURLToPath(new URL('auto-imports.d.ts', import.meta.url)) },
      components: { dts: fileURLToPath(new URL('components.d.ts', import.meta.url)) },
      ui: {
        colors: { primary: 'blue', neutral: 'zinc', info: 'sky', warning: 'amber', success: 'emerald', error: 'red' },
      },
    }),
  ],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: true,
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      output: {
        // Few requests: what every page needs, what several pages share, and a chunk for each page.
        codeSplitting: {
          groups: [
            { name: 'core', tags: ['$initial'] },
            { name: 'shared', minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': apiAddress } },
  preview: { proxy: { '/api': apiAddress } },
});
