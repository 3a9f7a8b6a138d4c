// Search by meaning, the menu of the status bar, and attention maps.
import assert from 'node:assert/strict';
import { resolve } from 'node:path';

import { until } from '../server.mjs';

const tests = resolve(import.meta.dirname, '../..');
const STORE_KEY = 'Control+Alt+9';

/** A key that shows an item of a team's store, as a lens would. */
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
  const ask = async (question) => {
    await window.command('Fovea: Ask…');
    const input = page.locator('.quick-input-widget input[type="text"]').first();
    await page.locator('.quick-input-title').filter({ hasText: 'Ask' }).waitFor();
    await input.fill(question);
    await page.keyboard.press('Enter');
  };

  await test('search by meaning previews places, goes back on Escape and stays on Enter', async () => {
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
    // The tab is no longer a preview, and the editor has the focus.
    await page.locator('.tab.active .monaco-icon-label.italic').waitFor({ state: 'detached' });
    await page.locator('.editor-instance > .monaco-editor.focused').waitFor();
  });

  await test('a question leads to its answer, whose words are marked', async () => {
    await window.file('config.rs');
    await window.heat();
    await ask('how is the median of numbers computed?');
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'def median' }).first().waitFor();
    await page.locator('.tab').filter({ hasText: 'preferences.py' }).waitFor();
    await shot('ask');
    await page.keyboard.press('Enter');
    await page.locator('.tab.active').filter({ hasText: 'preferences.py' }).waitFor();
    // The list is closed, and the document has the focus again.
    await page.locator('.quick-input-widget').first().waitFor({ state: 'hidden' });
    await page.locator('.editor-instance > .monaco-editor.focused').waitFor();
    await page.keyboard.press('Escape');
  });

  await test('without a model that writes, the command for an answer asks for no question and leads to the setting', async () => {
    await window.file('config.rs');
    await window.heat();
    await window.wish({ run: ['fovea.answer'] });
    await window.wish({ run: ['notifications.showList'] });
    const toast = page.locator('.notifications-center .notification-list-item').filter({ hasText: 'No model here writes text' });
    await toast.waitFor();
    assert.ok(!(await page.locator('.quick-input-widget').first().isVisible()), 'it asks for a question');
    await toast.locator('.monaco-button').filter({ hasText: 'Open Setting' }).click();
    await page.locator('.settings-editor .view-line').filter({ hasText: 'fovea.model.generator' }).first().waitFor();
    await window.wish({ run: ['notifications.clearAll', 'workbench.action.closeAllEditors'] });
  });

  await test('a model writes an answer from the passages, and a click on a source opens it', async () => {
    await window.set({ 'fovea.model.generator': process.env.FOVEA_CHAT_GGUF ?? resolve(tests, '../fixtures/tiny-chat') });
    await window.file('config.rs');
    await window.heat();
    await ask('how is the median of numbers computed?');
    const write = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'Write an answer' });
    await write.waitFor();
    await shot('ask-write');
    await page.locator('.quick-input-titlebar a[aria-label*="Write an Answer"]').first().click();
    await page.locator('.tab.active').filter({ hasText: 'Answer' }).waitFor();
    const frame = await window.panel('answer');
    await frame.locator('.quiet').filter({ hasText: 'wrote this. Check it' }).waitFor();
    await shot('answer');
    await frame.locator('button.link').first().click();
    await page.locator('.tab.active').filter({ hasText: 'preferences.py' }).waitFor();
    await window.wish({ run: ['workbench.action.closeAllEditors'] });
    // The item at the end of the list does the same.
    await window.file('config.rs');
    await ask('how is the median of numbers computed?');
    await write.click();
    await window.panel('answer');
    await window.set({ 'fovea.model.generator': null });
    await window.wish({ run: ['workbench.action.closeAllEditors'] });
  });

  await test('buttons limit a search to languages, kinds, tests and paths', async () => {
    await window.file('config.rs');
    await page.keyboard.press('Shift+Alt+M');
    const title = page.locator('.quick-input-title').filter({ hasText: 'Search by Meaning' });
    await title.waitFor();
    const input = page.locator('.quick-input-widget input[type="text"]').first();
    await input.fill('read settings from a file');
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'load_preferences' }).first().waitFor();
    const press = (tooltip) => page.locator(`.quick-input-titlebar a[aria-label*="${tooltip}"]`).first().click();
    const choose = async (tooltip, row) => {
      await press(tooltip);
      await rows.filter({ hasText: row }).first().click();
    };
    await choose('Filter by language', 'rust');
    await page.locator('.quick-input-action a, .quick-input-action .monaco-button').first().click();
    await title.filter({ hasText: 'rust' }).waitFor();
    await rows.filter({ hasText: 'load_preferences' }).first().waitFor({ state: 'detached' });
    await choose('Filter by language', 'rust');
    await page.locator('.quick-input-action a, .quick-input-action .monaco-button').first().click();
    await rows.filter({ hasText: 'load_preferences' }).first().waitFor();
    await press('Filter by path');
    await page.locator('.quick-input-widget').filter({ hasText: 'A path or glob' }).waitFor();
    await page.keyboard.type('src');
    await page.keyboard.press('Enter');
    await title.filter({ hasText: 'src/**' }).waitFor();
    await rows.filter({ hasText: 'src/' }).first().waitFor();
    await rows.filter({ hasText: 'load_preferences' }).first().waitFor({ state: 'detached' });
    await choose('With tests', 'Only tests');
    await title.filter({ hasText: 'only tests' }).waitFor();
    await rows.filter({ hasText: 'Nothing found' }).waitFor();
    await choose('With tests', 'Tests and everything else');
    await rows.filter({ hasText: 'src/' }).first().waitFor();
    await choose('Filter by kind', 'Sections of documents');
    await page.locator('.quick-input-action a, .quick-input-action .monaco-button').first().click();
    await title.filter({ hasText: 'headings' }).waitFor();
    await page.keyboard.press('Escape');
    await title.waitFor({ state: 'hidden' });
  });

  await test('the place that a search previews is below its list, and Escape scrolls back', async () => {
    await window.wish({ open: [`file://${window.folder}/long.rs`] });
    await page.locator('.tab.active').filter({ hasText: 'long.rs' }).waitFor();
    // The editor has the focus and shows the middle of the file.
    await page.locator('.editor-group-container.active .view-lines').click();
    await page.keyboard.press('Control+G');
    await page.keyboard.type('5000');
    await page.keyboard.press('Enter');
    const top = async () => (await window.state()).top;
    const before = await until('the middle of the file', async () => (await top()) > 4900 && top());
    await page.keyboard.press('Shift+Alt+M');
    const list = page.locator('.quick-input-widget');
    await page.locator('.quick-input-title').filter({ hasText: 'Search by Meaning' }).waitFor();
    await page.locator('.quick-input-widget input[type="text"]').first().fill('count each recipe that is still open @rust');
    await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'count_recipes' }).first().waitFor();
    await until('another place', async () => Math.abs((await top()) - before) > 20);
    const active = await page.locator('.quick-input-list .monaco-list-row.focused').innerText();
    // There is no space between the name and the place.
    const name = active.match(/count_[a-z]+?s(?=long\.rs)/)[0];
    const box = await until('the list', () => list.boundingBox());
    await until(`${name} below the list`, () =>
      page
        .locator('.editor-group-container.active .view-line')
        .filter({ hasText: `pub fn ${name}` })
        .evaluateAll((all, below) => all.some((each) => each.getBoundingClientRect().top >= below - 1), box.y + box.height),
    );
    await page.keyboard.press('Escape');
    await until('the place as it was', async () => (await top()) === before);
    await page.keyboard.press('Control+W');
  });

  await test("a similar item in the team's store can be chosen from a list, and its web page opens", async () => {
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

  await test('the status bar shows the state of Fovea and opens a menu', async () => {
    await window.file('config.rs');
    const item = page.locator('.statusbar-item[id*="fovea.status"]');
    await until('the item', async () => /^\s*Fovea\s*$/.test(await item.innerText()));
    await item.locator('a').click();
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Color more or fewer words' }).waitFor();
    await shot('menu');
    await rows.filter({ hasText: 'Turn colors off' }).click();
    await window.heat((lines) => lines.length > 5 && lines.every((line) => line.words.length === 0));
    await item.locator('a').click();
    await rows.filter({ hasText: 'Turn colors on' }).click();
    await window.heat();
    await item.locator('a').click();
    await rows.filter({ hasText: 'Color more or fewer words' }).click();
    await rows.filter({ hasText: 'Every word that tells something' }).click();
    await window.heat((lines) => lines.flatMap((line) => line.words).length > 20);
    await window.set({ 'fovea.heat.preset': null });
    await window.heat((lines) => lines.flatMap((line) => line.words).length < 20);
  });

  await test('the user can go through attention layers and heads, and the document shows each', async () => {
    await window.file('config.rs');
    const item = page.locator('.statusbar-item[id*="fovea.status"]');
    const rows = page.locator('.quick-input-list .monaco-list-row');
    const shown = async () => JSON.stringify((await window.lines()).map((line) => line.words));
    await window.heat();
    const before = await shown();
    await item.locator('a').click();
    await rows.first().waitFor();
    await page.locator('.quick-input-widget input[type="text"]').first().fill('attention');
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
    // Escape restores the previous method.
    await page.keyboard.press('Escape');
    await until('the method as it was', async () => /^\s*Fovea\s*$/.test(await item.innerText()));
    await until('the words as they were', async () => (await shown()) === before);
  });
}
