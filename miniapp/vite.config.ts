import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import gzip from 'rollup-plugin-gzip';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const brotli = promisify(brotliCompress);

/** Puts compressed files beside each file; the server sends what the client takes. */
const compress = [
  gzip({ gzipOptions: { level: 9 } }),
  gzip({ customCompression: (content) => brotli(content), fileName: '.br' }),
] as Plugin[]; // typed by Rollup, which isn't installed

export default defineConfig({
  base: '/app/',
  plugins: [svelte(), compress],
  build: {
    // Under our Content-Security-Policy neither inline scripts nor inlined assets would load.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  test: { include: ['tests/**/*.test.ts'] },
});
