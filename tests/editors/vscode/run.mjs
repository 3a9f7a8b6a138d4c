// Drives a real VS Code against a real server: node run.mjs FOVEA EDITORS [PICTURES]
//
// It first runs the tests of the API inside the extension host (host/), then the tests of the screen in a browser (person.mjs). With
// PICTURES, a folder, it also makes the pictures of the documentation there. All tests share one server and one profile.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { hostTests } from './host.mjs';
import { linesTests } from './lines.mjs';
import { storeKey } from './person/finding.mjs';
import { panelTests } from './panel.mjs';
import { personTests } from './person.mjs';
import { launched, packaged } from './prepare.mjs';
import { start } from './server.mjs';
import { settingsTests } from './settings.mjs';
import { tally } from './tally.mjs';

const [fovea, editors, pictures] = process.argv.slice(2).map((path) => resolve(path));
if (!fovea || !editors) {
  console.error('usage: node run.mjs FOVEA EDITORS [PICTURES]');
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../..');
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'fovea-vscode-')));

/** A fresh copy of the workspace, since the tests edit. */
function workspace(name) {
  const folder = join(scratch, name);
  cpSync(resolve(here, '../workspace'), folder, { recursive: true });
  mkdirSync(join(folder, '.git'));
  return folder;
}

const lines = tally();
let server;
let browser;
try {
  const vsix = packaged({ fovea, clients: join(root, 'editors'), editors, scratch });
  // The environment of the extension host.
  const environment = {
    FOVEA_CACHE_DIR: join(scratch, 'cache'),
    FOVEA_TEST_RESULTS: join(scratch, 'results.json'),
    FOVEA_TEST_WISHES: join(scratch, 'wishes.json'),
    FOVEA_POWER_SUPPLY: join(scratch, 'power'),
    FOVEA_TEST_SECOND: resolve(here, '../second_server.py'),
    FOVEA_TEST_MEMORY: resolve(here, '../workspace'),
  };
  const esbuild = join(root, 'editors/vscode/node_modules/esbuild');
  const world = { root, scratch, editors, fovea, vsix, environment, esbuild, workspace, pictures };
  server = await start({ editors, scratch, extensions: [vsix], environment, keys: [storeKey(join(scratch, 'workspace'))] });
  browser = await launched(editors);
  Object.assign(world, { server, browser });
  if (process.env.FOVEA_TEST_ONLY !== 'person') {
    await linesTests(world, lines);
    await panelTests(world, lines);
    await hostTests(world, lines);
  }
  if (process.env.FOVEA_TEST_ONLY !== 'host') {
    await personTests(world, lines);
  }
  if (!Object.keys(process.env).some((name) => /^FOVEA_TEST_(ONLY|SUITES|GROUPS|MATCH|IGNORE)$/.test(name))) {
    await settingsTests(world, lines);
  }
} catch (error) {
  lines.tell('the editor can be driven', error.stack ?? error);
  if (existsSync(join(scratch, 'server.log'))) {
    console.log(readFileSync(join(scratch, 'server.log'), 'utf8').split('\n').slice(-20).join('\n'));
  }
} finally {
  await browser?.close();
  await server?.stop();
  if (!process.env.FOVEA_TEST_KEEP) {
    rmSync(scratch, { recursive: true, force: true });
  } else {
    console.log(`kept ${scratch}`);
  }
}
process.exitCode = lines.finish() ? 0 : 1;
