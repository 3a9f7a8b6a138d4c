// Bundles the extension and the script of its panel, and collects the licenses of bundled packages: build.mjs [--watch]
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

import * as esbuild from 'esbuild';

const common = { bundle: true, minify: true, legalComments: 'none', logLevel: 'warning', metafile: true };
const extension = {
  ...common,
  entryPoints: ['src/extension.ts'],
  outfile: 'out/extension.js',
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
};
const webview = {
  ...common,
  entryPoints: ['src/webview/main.ts'],
  outfile: 'out/webview.js',
  platform: 'browser',
  format: 'iife',
  target: 'chrome114',
};

/** Writes the license of each package whose code is in a bundle. */
function notices(inputs) {
  const folders = new Set(inputs.flatMap((input) => input.match(/^node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []));
  const texts = [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'License.txt', 'license.txt'].find((each) => existsSync(`${folder}/${each}`));
    if (!file) {
      throw new Error(`${name} has no license file: read its terms and add the name of the file to this script`);
    }
    return `${name} ${version}\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`;
  });
  writeFileSync('out/NOTICES.txt', texts.join('\n---\n\n'));
}

// The extension shows the same page as `fovea view`, so it contains the same files as the program.
cpSync('../../assets/view', 'out/view', { recursive: true });

if (process.argv.includes('--watch')) {
  await Promise.all([extension, webview].map(async (build) => (await esbuild.context(build)).watch()));
} else {
  const built = await Promise.all([extension, webview].map((build) => esbuild.build(build)));
  notices(built.flatMap(({ metafile }) => Object.keys(metafile.inputs)));
}
