// Runs the tests in host/ inside VS Code's extension host, and counts their results.
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { until } from './server.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** Bundles the tests and the extension of the second server into a folder that VS Code loads as an extension under development. */
export async function developed({ scratch, esbuild, root }) {
  const folder = join(scratch, 'host');
  mkdirSync(folder, { recursive: true });
  const main = join(folder, 'extension.js');
  const { build } = createRequire(import.meta.url)(esbuild);
  const common = { bundle: true, platform: 'node', format: 'cjs', external: ['vscode'], logLevel: 'error' };
  const nodePaths = [join(root, 'editors/vscode/node_modules')];
  await build({ ...common, nodePaths, entryPoints: [join(here, 'host/second.js')], outfile: main });
  await build({ ...common, nodePaths, entryPoints: [join(here, 'host/tests.js')], outfile: join(folder, 'tests.js') });
  const manifest = {
    name: 'second',
    publisher: 'fovea-tests',
    version: '0.0.1',
    engines: { vscode: '^1.91.0' },
    main: './extension.js',
    activationEvents: ['onStartupFinished', 'onFileSystem:memory'],
    capabilities: { untrustedWorkspaces: { supported: true }, virtualWorkspaces: true },
    contributes: { commands: [{ command: 'second.start', title: 'Second Server: Start' }] },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  return folder;
}

export async function hostTests(world, { tell }) {
  const folder = await developed(world);
  const results = join(world.scratch, 'results.json');
  rmSync(results, { force: true });
  const page = await world.browser.newPage();
  const workspace = world.workspace('host-workspace');
  await page.goto(world.server.address(workspace, { development: folder, tests: join(folder, 'tests.js') }));
  const told = new Set();
  // Each result is written when its test ends, so that a hanging test does not hide the others.
  await until(
    'the tests in the extension host',
    () => {
      const lines = existsSync(results) ? readFileSync(results, 'utf8').split('\n').slice(0, -1) : [];
      for (const line of lines.map((each) => JSON.parse(each))) {
        if (line.name && !told.has(line.name)) {
          told.add(line.name);
          tell(line.name, line.error, line.setting);
        }
      }
      return lines.some((line) => JSON.parse(line).end);
    },
    300_000,
  );
  await page.close();
}
