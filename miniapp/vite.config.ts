import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: '/app/',
  plugins: [svelte()],
  build: {
    // Under our Content-Security-Policy neither inline scripts nor inlined assets would load.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  test: { include: ['tests/**/*.test.ts'] },
});
