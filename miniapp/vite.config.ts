import { relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import gzip from 'rollup-plugin-gzip';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const brotli = promisify(brotliCompress);

/**
 * Names in the page what main.ts imports, and its styles, so that they travel beside main.ts and not after it. Names
 * the files of every other part, too, for src/lib/parts.ts.
 */
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
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
      const parts = chunks.filter((chunk) => chunk.isDynamicEntry && chunk !== start);
      // By another address a part is another module, and so would be what it shared with another part alone.
      const here = chunks.filter(({ isEntry, fileName }) => isEntry || needed.has(fileName));
      if (chunks.length > here.length + parts.length) throw new Error('Parts share a file of their own.');
      const link = (rel: string, fileName: string, attrs = {}) => ({
        tag: 'link',
        attrs: { rel, ...attrs, href: `/app/${fileName}` },
        injectTo: 'head' as const,
      });
      const ahead = { crossorigin: true };
      return [
        ...[...styles].map((fileName) => link('stylesheet', fileName, ahead)),
        ...[...needed].map((fileName) => link('modulepreload', fileName, ahead)),
        ...parts.flatMap(({ fileName, facadeModuleId, viteMetadata }) => {
          const name = { 'data-part': relative('src', facadeModuleId ?? '') };
          return [fileName, ...(viteMetadata?.importedCss ?? [])].map((file) => link('part', file, name));
        }),
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
