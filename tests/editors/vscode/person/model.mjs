// The page of the model in a panel of VS Code; the extension forwards its questions.
import assert from 'node:assert/strict';

import { until } from '../server.mjs';

export async function model({ window, page, test, shot }) {
  await test('the page of the model opens beside the document, follows the cursor, and shows an edit', async () => {
    await window.file('config.rs');
    await window.heat();
    await window.command('Fovea: See What the Model Does');
    const frame = await until('the page', async () => {
      for (const each of page.frames()) {
        if ((await each.locator('[role=tab][aria-controls=panel]').count().catch(() => 0)) > 3) {
          return each;
        }
      }
      return undefined;
    });
    const unit = frame.locator('.unit-select select');
    await unit.waitFor();
    await frame.locator('canvas').first().waitFor();
    await shot('model');
    // The document keeps the focus, and the page follows its cursor.
    await page.locator('.editor-instance > .monaco-editor.focused').waitFor();
    await page.keyboard.press('Control+End');
    await until('the last unit', () => unit.evaluate((select) => select.selectedIndex === select.options.length - 1));
    await page.keyboard.press('Control+Home');
    await until('the first unit', () => unit.evaluate((select) => select.selectedIndex === 0));
    const text = () => frame.locator('body').innerText();
    await page.keyboard.type('// A comment that nobody wrote before.\n');
    await until('the new text', async () => /nobody/.test(await text()));
    await window.command('File: Revert File');
    await until('the old text', async () => !/nobody/.test(await text()));
    assert.equal(await frame.locator('.wait.error').count(), 0);
    await page.locator('.tab').filter({ hasText: 'Model: config.rs' }).click();
    await page.keyboard.press('Control+W');
    await page.locator('.tab').filter({ hasText: 'Model: config.rs' }).waitFor({ state: 'detached' });
  });
}
