import { defineConfig } from 'vite'
import { svelte } from '@sveltejs/vite-plugin-svelte'

// The build is committed (internal/console/dist), so it must come out the same
// in every folder and on every machine: no source maps, no dates, no paths.
export default defineConfig({
  base: '/',
  plugins: [
    svelte({
      onwarn(warning, handler) {
        // A control that some officer cannot use is a fault, not a warning.
        if (warning.code.startsWith('a11y')) throw new Error(`${warning.filename}: ${warning.message}`)
        handler(warning)
      },
    }),
  ],
  worker: { format: 'es' },
  build: {
    outDir: process.env.HOTLINE_DIST ?? '../internal/console/dist',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    sourcemap: false,
    target: 'es2023',
    rollupOptions: {
      output: {
        // What every screen needs stands in two files: many small ones cost a
        // thin link more than they save.
        manualChunks: (id) => (/src\/(logic\/(?!draft|stix|tone)|state\/(?!trust|draft|sound)|router|api|stream)/.test(id) ? 'desk'
          : /src\/parts\/(Text|Time|Label|Precedence|Countdown|Hold|Steps)\.svelte$/.test(id) ? 'parts' : undefined),
      },
    },
  },
})
