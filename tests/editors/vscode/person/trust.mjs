// A folder that the user does not trust at first, and trusts later.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { start, until } from '../server.mjs';

export async function trust({ world, development, open, test }) {
  const scratch = join(world.scratch, 'restricted');
  const folder = world.workspace('stranger');
  const [program, ran] = [join(folder, 'server.sh'), join(scratch, 'ran')];
  mkdirSync(scratch);
  mkdirSync(join(folder, '.vscode'));
  writeFileSync(program, `#!/bin/sh\n: >'${ran}'\nexec '${world.fovea}' "$@"\n`, { mode: 0o755 });
  const settings = (all) => writeFileSync(join(folder, '.vscode/settings.json'), JSON.stringify(all));
  settings({ 'fovea.server.path': './server.sh', 'fovea.model.dir': '/nonexistent/model', 'fovea.method': 'norm' });

  const server = await start({
    editors: world.editors,
    scratch,
    extensions: [world.vsix],
    settings: {
      'security.workspace.trust.enabled': true,
      'security.workspace.trust.startupPrompt': 'never',
      'security.workspace.trust.banner': 'never',
    },
    environment: { ...world.environment, FOVEA_TEST_WISHES: join(scratch, 'wishes.json') },
  });
  try {
    const { window, page } = await open(server.address(folder, { development }), { wishes: join(scratch, 'wishes.json') });
    /** Waits until the extension is ready and its state matches. */
    const works = (wanted) =>
      until('a server that is ready', async () => {
        const state = await window.state();
        return state.known?.status?.state === 'ready' && wanted(state) && state;
      });

    await test('in an untrusted folder its program and its model are not used, and the rest works', async () => {
      await window.file('config.rs');
      await window.heat();
      await page.locator('.codelens-decoration a').filter({ hasText: '≈' }).first().waitFor();
      const { trusted, known } = await works((state) => state.known.status.method === 'norm');
      assert.equal(trusted, false);
      assert.equal(known.status.model, 'all-MiniLM-L6-v2');
      assert.ok(!existsSync(ran), 'its program ran');
    });

    await test('in an untrusted folder they are not used if they are inside an object either', async () => {
      settings({ fovea: { server: { path: './server.sh' }, method: 'rollout' }, 'fovea.model': { dir: '/nonexistent/model' } });
      await works((state) => state.known.status.method === 'rollout');
      const [before] = (await window.state()).servers;
      await window.command('Fovea: Restart Server');
      const { known } = await works((state) => state.servers.length === 1 && state.servers[0] !== before);
      assert.equal(known.status.model, 'all-MiniLM-L6-v2');
      assert.ok(!existsSync(ran), 'its program ran');
    });

    await test('in a trusted folder its program and its model are used', async () => {
      await window.command('Workspaces: Manage Workspace Trust');
      const button = page.locator('.workspace-trust-editor .monaco-button').filter({ hasText: /^Trust$/ }).first();
      await button.click();
      await until('the error about its missing model', async () => {
        const { trusted, known } = await window.state();
        return trusted && known?.status?.state === 'failed' && /nonexistent/.test(known.status.message);
      });
      assert.ok(existsSync(ran), 'its program did not run');
    });
    await window.close();
  } finally {
    await server.stop();
  }
}
