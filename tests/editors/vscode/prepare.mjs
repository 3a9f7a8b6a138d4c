// What the tests and the pictures of VS Code start with: the packaged extension and a browser.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export function run(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (done.status !== 0) {
    throw new Error(`${command} failed: ${done.stdout}${done.stderr}`);
  }
  return done.stdout.trim();
}

/** Packages the extension of `clients`, the folder `editors` of a checkout, with a program; returns the path of the package. */
export function packaged({ fovea, clients, editors, scratch }) {
  // The Node of the editors, independent of the machine's.
  const node = join(editors, 'vscode/node/bin');
  const vsce = `${join(node, 'node')} ${join(editors, 'vscode/tools/node_modules/@vscode/vsce/vsce')}`;
  const env = { ...process.env, PATH: `${node}:${process.env.PATH}`, VSCE: vsce };
  return run(join(clients, 'vscode/package.sh'), [fovea, 'linux-x64', scratch], { env });
}

export function launched(editors) {
  const { chromium } = createRequire(join(editors, 'vscode/tools/node_modules/'))('playwright-core');
  return chromium.launch({
    executablePath: ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path)),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'],
  });
}
