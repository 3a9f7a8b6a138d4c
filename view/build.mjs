// Builds the page of `fovea view` into assets/view, which the program contains: node build.mjs [--check]
//
// With --check nothing is written: it fails if the committed files are not what this build makes, or take too much.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const assets = join(here, '../assets/view');
const LIMIT = 400_000;

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { page: 'src/main.tsx' },
  outdir: assets,
  bundle: true,
  minify: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  legalComments: 'none',
});
const check = process.argv.includes('--check');
let size = 0;
for (const { path, contents } of outputFiles) {
  size += gzipSync(contents).length;
  if (!check) {
    writeFileSync(path, contents);
  } else if (!readFileSync(path).equals(Buffer.from(contents))) {
    console.error(`${path} is not what view/src gives; run \`npm run build\` in view/ and commit it`);
    process.exit(1);
  }
}
if (size > LIMIT) {
  console.error(`the page takes ${size} bytes with gzip, more than ${LIMIT}`);
  process.exit(1);
}
console.log(`page: ${size} bytes with gzip`);
