// After the build: a .br beside each text asset over 1 kB, and SOURCE, a hash
// of what was built, so that `go test` notices a stale build without node.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'

const web = dirname(fileURLToPath(import.meta.url))
const dist = process.env.HOTLINE_DIST ?? join(web, '../internal/console/dist')

const walk = (dir) => readdirSync(dir).sort().flatMap((f) => (statSync(join(dir, f)).isDirectory() ? walk(join(dir, f)) : [join(dir, f)]))

for (const file of walk(join(dist, 'assets'))) {
  const raw = readFileSync(file)
  if (!/\.(js|css|svg|json)$/.test(file) || raw.length <= 1000) continue
  writeFileSync(file + '.br', brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } }))
}

/** One hash over names and contents of everything that the build reads. */
const sources = [...walk(join(web, 'src')), ...['index.html', 'vite.config.js', 'package-lock.json'].map((f) => join(web, f))]
const rows = sources.map((file) => [relative(web, file).replaceAll('\\', '/'), createHash('sha256').update(readFileSync(file)).digest('hex')])
rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
const sum = createHash('sha256')
for (const [name, hex] of rows) sum.update(`${hex} ${name}\n`)
writeFileSync(join(dist, 'SOURCE'), sum.digest('hex') + '\n')
