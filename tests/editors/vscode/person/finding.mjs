// Search by meaning, the menu of the status bar, and the maps of the attention.
import assert from 'node:assert/strict';

import { until } from '../server.mjs';

const STORE_KEY = 'Control+Alt+9';

/** A key for an item that a lens would name if the team had a store. */
export function storeKey(folder) {
  const at = { start: { line: 0, character: 0 }, end: { line: 0, character: 4 } };
  const item = (name, uri, store) => ({ uri, range: at, selection: at, name, kind: 'function', language: 'rust', score: 0.83, store });
  const auth = item('verify', 'https://git.example/backend/blob/main/src/auth.rs#L40', { folder: 'team/backend', path: 'src/auth.rs' });
  auth.selection = { start: { line: 39, character: 3 }, end: { line: 39, character: 9 } };
  const similar = [auth, item('read_settings', `file://${folder}/src/settings.rs`)];
  const args = { uri: `file://${folder}/src/config.rs`, range: at, name: 'load_config', similar };
  return { key: 'ctrl+alt+9', command: 'fovea.showSimilar', args };
}

export async function finding({ window, page, test, shot }) {
  await test('search by meaning shows places while moving, goes back on Escape and stays on Enter', async () => {
    await window.file('config.rs');
    await window.heat();
    await window.command('Fovea: Search by Meaning');
    const input = page.locator('.quick-input-widget input[type="text"]').first();
    await page.locator('.quick-input-title').filter({ hasText: 'Search by Meaning' }).waitFor();
    await input.fill('middle value of a list of numbers');
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'median' }).first().waitFor();
    await page.locator('.tab').filter({ hasText: 'preferences.py' }).waitFor();
    await shot('search');
    await input.fill('middle value of a list of numbers @rust');
    await rows.filter({ hasText: 'median' }).first().waitFor({ state: 'detached' });
    await rows.first().waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.tab.active').filter({ hasText: 'config.rs' }).waitFor();
    await page.locator('.tab').filter({ hasText: 'preferences.py' }).waitFor({ state: 'detached' });
    assert.equal(await page.locator('.tab').count(), 1);
    await window.command('Fovea: Search by Meaning');
    await page.locator('.quick-input-title').filter({ hasText: 'Search by Meaning' }).waitFor();
    await input.fill('middle value of a list of numbers');
    await rows.filter({ hasText: 'median' }).first().waitFor();
    await page.keyboard.press('Enter');
    await page.locator('.tab.active').filter({ hasText: 'preferences.py' }).waitFor();
    await until('the function', async () => (await window.lines()).some((line) => line.text.startsWith('def median')));
    // Kept: no longer a preview, and with the keyboard's focus.
    await page.locator('.tab.active .monaco-icon-label.italic').waitFor({ state: 'detached' });
    await page.locator('.editor-instance > .monaco-editor.focused').waitFor();
  });

  await test('what resembles an item in a store of the team is chosen from a list, and opens its web page', async () => {
    await window.file('config.rs');
    await window.heat();
    await page.keyboard.press(STORE_KEY);
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'team/backend: src/auth.rs:40' }).first().waitFor();
    assert.equal(await rows.count(), 2);
    await shot('store');
    await page.keyboard.press('Enter');
    const asked = page.locator('.monaco-dialog-box').filter({ hasText: 'external website' });
    await asked.waitFor();
    assert.match(await asked.innerText(), /https:\/\/git\.example\/backend\/blob\/main\/src\/auth\.rs#L40/);
    await page.keyboard.press('Escape');
    await asked.waitFor({ state: 'detached' });
    await page.keyboard.press(STORE_KEY);
    await rows.filter({ hasText: 'read_settings' }).first().click();
    await page.locator('.tab.active').filter({ hasText: 'settings.rs' }).waitFor();
  });

  await test('the status bar tells what Fovea does and opens a menu', async () => {
    await window.file('config.rs');
    const item = page.locator('.statusbar-item[id*="fovea.status"]');
    await until('the method', async () => /Fovea decomposition/.test(await item.innerText()));
    await item.locator('a').click();
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Choose method' }).waitFor();
    await shot('menu');
    await rows.filter({ hasText: 'Switch heat off' }).click();
    await window.heat((lines) => lines.length > 5 && lines.every((line) => line.words.length === 0));
    await item.locator('a').click();
    await rows.filter({ hasText: 'Switch heat on' }).click();
    await window.heat();
  });

  await test('one goes through layers and heads of the attention, and the document shows each', async () => {
    await window.file('config.rs');
    const item = page.locator('.statusbar-item[id*="fovea.status"]');
    const rows = page.locator('.quick-input-list .monaco-list-row');
    const shown = async () => JSON.stringify((await window.lines()).map((line) => line.words));
    const before = await shown();
    await item.locator('a').click();
    await rows.filter({ hasText: 'Choose attention layer and head' }).click();
    await rows.filter({ hasText: 'All layers' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await until('the layer in the status bar', async () => /attention L1/.test(await item.innerText()));
    await until('other words', async () => (await shown()) !== before);
    await page.keyboard.press('Enter');
    await rows.filter({ hasText: 'All heads' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await until('the head in the status bar', async () => /attention L1 H0/.test(await item.innerText()));
    await shot('attention');
    // Whoever leaves has what there was.
    await page.keyboard.press('Escape');
    await until('the method as it was', async () => /Fovea decomposition/.test(await item.innerText()));
    await until('the words as they were', async () => (await shown()) === before);
  });
}
