// Pictures of a real VS Code with the clients of a checkout.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { developed } from './host.mjs';
import { launched, packaged } from './prepare.mjs';
import { start } from './server.mjs';
import { Window } from './window.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../..');

/**
 * Takes those pictures whose name is wanted: each `{ name, repository, take }` in a window of its own, in which `take` goes to the view.
 *
 * A view that does not appear is reported, and its picture is `failed-NAME.png`.
 */
export async function pictured({ fovea, clients, editors, repositories, folder, wanted, settings = {}, height }, shots) {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'fovea-vscode-')));
  let server;
  let browser;
  try {
    const vsix = packaged({ fovea, clients, editors, scratch });
    const esbuild = join(root, 'editors/vscode/node_modules/esbuild');
    const development = await developed({ scratch, esbuild, root });
    const environment = {
      // Paths on the screen begin with ~.
      HOME: repositories,
      FOVEA_CACHE_DIR: join(repositories, 'cache'),
      FOVEA_TEST_WISHES: join(scratch, 'wishes.json'),
      FOVEA_POWER_SUPPLY: join(scratch, 'power'),
      FOVEA_TEST_MEMORY: resolve(here, '../workspace'),
    };
    const all = { 'editor.stickyScroll.enabled': false, ...settings };
    server = await start({ editors, scratch, extensions: [vsix], environment, settings: all });
    browser = await launched(editors);
    for (const { name, repository, take } of shots.filter((shot) => wanted.test(shot.name))) {
      const address = server.address(join(repositories, repository), { development });
      const window = await Window.open({ browser, scratch }, address, { width: 1000, height });
      try {
        await window.theme('dark');
        await take({ window, page: window.page });
        await window.picture(join(folder, `${name}.png`));
        console.log(`${name}: made`);
      } catch (error) {
        console.log(`${name}: not there (${String(error.message).split('\n')[0]})`);
        await window.picture(join(folder, `failed-${name}.png`));
      } finally {
        await window.close();
      }
    }
  } finally {
    await browser?.close();
    await server?.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}
