// A virtual folder that an extension provides.
import assert from 'node:assert/strict';

import { until } from '../server.mjs';

export async function virtual({ world, development, open, test }) {
  const { window, page } = await open(world.server.address('memory:/project', { development }));

  await test('in a virtual folder open documents have heat and find each other, and the status bar says that closed ones are not found', async () => {
    await window.wish({ open: ['memory:/project/src/config.rs'] });
    await window.heat();
    const { look, known, folders } = await window.state();
    assert.deepEqual(folders, ['memory:/project']);
    assert.equal(known.status.index, undefined);
    assert.match(look.lines.join('\n'), /Fovea can find only open documents of project, as this folder is virtual/);
    assert.equal(await page.locator('.codelens-decoration a').filter({ hasText: 'read_settings' }).count(), 0);
    await window.wish({ open: ['memory:/project/src/settings.rs', 'memory:/project/src/config.rs'] });
    await page.locator('.codelens-decoration a').filter({ hasText: /≈ 0\.\d\d read_settings · .*src\/settings\.rs/ }).first().waitFor();
  });

  await test('in a virtual folder a peek and the panel show documents that are not files', async () => {
    await page.locator('.codelens-decoration a').filter({ hasText: '≈' }).first().click();
    const peek = page.locator('.reference-zone-widget');
    await until('the text of the other document', async () => /read_settings/.test(await peek.locator('.preview .view-lines').innerText()));
    await page.keyboard.press('Escape');
    await peek.waitFor({ state: 'detached' });
    await page.locator('.codelens-decoration a').filter({ hasText: 'compare' }).first().click();
    const frame = await window.panel('pair');
    assert.match(await frame.locator('h1').innerText(), /load_config and read_settings/);
  });

  await test('a document outside the open folders is not analyzed, and the status bar says so', async () => {
    await window.wish({ open: ['other:/somewhere/config.rs'] });
    const { look } = await until('the reason', async () => {
      const state = await window.state();
      return /not analyzed/.test(state.look.lines[0]) && state;
    });
    assert.match(look.lines.join('\n'), /belongs to no open folder \(its address begins with other:\)/);
    assert.equal((await window.lines()).flatMap((line) => line.words).length, 0);
  });
  await window.close();
}
