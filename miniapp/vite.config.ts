import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import gzip from 'rollup-plugin-gzip';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const brotli = promisify(brotliCompress);

/** Names in the page what main.ts imports, and its styles, so that they travel beside main.ts and not after it. */
const preloadStart: Plugin = {
  name: 'preload-start',
  transformIndexHtml: {
    order: 'post',
    handler(_, { bundle }) {
      if (!bundle) return; // Vite's development server
      const needed = new Set<string>();
      const styles = new Set<string>();
      const need = (fileName: string) => {
        const chunk = bundle[fileName];
        if (chunk?.type !== 'chunk' || chunk.isEntry || needed.has(fileName)) return;
        needed.add(fileName);
        chunk.viteMetadata?.importedCss.forEach((style) => styles.add(style));
        chunk.imports.forEach(need);
      };
      const start = Object.values(bundle).find((file) => file.type === 'chunk' && file.name === 'start');
      if (!start) throw new Error('main.ts imports no chunk "start".');
      need(start.fileName);
      const link = (rel: string, fileName: string) => ({
        tag: 'link',
        attrs: { rel, crossorigin: true, href: `/app/${fileName}` },
        injectTo: 'head' as const,
      });
      return [
        ...[...styles].map((fileName) => link('stylesheet', fileName)),
        ...[...needed].map((fileName) => link('modulepreload', fileName)),
      ];
    },
  },
};

/** Puts compressed files beside each file; the server sends what the client takes. */
const compress = [
  gzip({ gzipOptions: { level: 9 } }),
  gzip({ customCompression: (content) => brotli(content), fileName: '.br' }),
] as Plugin[]; // typed by Rollup, which isn't installed

export default defineConfig({
  base: '/app/',
  plugins: [svelte(), preloadStart, compress],
  build: {
    // Under our Content-Security-Policy neither inline scripts nor inlined assets would load.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  test: { include: ['tests/**/*.test.ts'] },
});
