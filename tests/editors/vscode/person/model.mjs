// The page of the model in a panel of VS Code, whose questions the extension carries.
import assert from 'node:assert/strict';

import { until } from '../server.mjs';

export async function model({ window, page, test, shot }) {
  await test('the page of the model opens beside the document, follows the cursor and the theme, and an edit shows', async () => {
    await window.file('config.rs');
    await window.heat();
    await window.command('Fovea: See What the Model Does');
    const frame = await until('the page', async () => {
      for (const each of page.frames()) {
        if ((await each.locator('[role=tab]').count().catch(() => 0)) > 3) {
          return each;
        }
      }
      return undefined;
    });
    await frame.locator('header h1').filter({ hasText: 'config.rs' }).waitFor();
    await frame.locator('canvas').first().waitFor();
    await shot('model');
    const chosen = () => frame.locator('.unit-select select').evaluate((select) => select.selectedOptions[0].textContent);
    // The document keeps the keyboard, and its cursor leads the page.
    await page.locator('.editor-instance').first().click({ position: { x: 300, y: 60 } });
    await page.keyboard.press('Control+End');
    const last = await until('the last unit', async () => {
      const { count, index } = await frame.locator('.unit-select select').evaluate((select) => ({ count: select.options.length, index: select.selectedIndex }));
      return index === count - 1 && (await chosen());
    });
    await page.keyboard.press('Control+Home');
    await until('the first unit', async () => (await chosen()) !== last);
    await page.keyboard.type('// A comment that was not there.\n');
    await until('the new text', async () => /A comment that was not there/.test(await frame.locator('body').innerText()));
    assert.equal(await frame.locator('.error').count(), 0);
    await page.keyboard.press('Control+Z');
  });
}
