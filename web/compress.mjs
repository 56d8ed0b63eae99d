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
const sum = createHash('sha256')
const sources = [...walk(join(web, 'src')), ...['index.html', 'vite.config.js', 'package-lock.json'].map((f) => join(web, f))]
for (const file of sources) {
  const raw = readFileSync(file)
  sum.update(`${relative(web, file)}\0${raw.length}\0`).update(raw)
}
writeFileSync(join(dist, 'SOURCE'), sum.digest('hex') + '\n')
