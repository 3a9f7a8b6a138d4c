// Classes by the user's own probe: the line above a function, the words that decided, and a correction. Also predictions.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { until } from '../server.mjs';

const tests = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

export async function classes({ window, page, test, shot }) {
  const rows = page.locator('.quick-input-list .monaco-list-row');

  await test('a line names the class of a function, a click lists the words that decided, and the probe learns a correction', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fovea-probe-'));
    const [labels, probe] = [join(folder, 'labels.csv'), join(folder, 'configuration.json')];
    cpSync(join(tests, 'probe/labels.csv'), labels);
    execFileSync(resolve(process.argv[2]), ['probe', 'train', '--out', probe, labels]);
    await window.set({ 'fovea.classify.probe': probe });
    await window.file('config.rs');
    await window.heat();
    const lenses = page.locator('.codelens-decoration a').filter({ hasText: /^configuration/ });
    await lenses.first().waitFor();
    const title = await lenses.first().innerText();
    assert.match(title, /^configuration (\.\d\d|1\.00)$/);
    await shot('class-lens');
    await lenses.first().click();
    const correction = rows.filter({ hasText: 'It is other' }).first();
    await correction.waitFor();
    await shot('classify');
    await correction.click();
    await until('the label in the file', () => readFileSync(labels, 'utf8').endsWith(',other,rust\n'));
    await until('another class', async () => !(await lenses.allInnerTexts()).includes(title));
    await window.set({ 'fovea.classify.probe': null });
    await until('no class', async () => (await lenses.count()) === 0);
    rmSync(folder, { recursive: true });
  });

  await test('a list shows the tokens that the model predicts at the cursor, and the words that contribute to a token are marked', async () => {
    await window.set({ 'fovea.model.dir': process.env.FOVEA_GEMMA_GGUF ?? resolve(tests, '../fixtures/tiny-llama') });
    await window.file('config.rs');
    await window.heat();
    const { x, y } = await window.place('split_once');
    await page.mouse.click(x, y);
    // A large model takes some seconds to load, and the heat of the one before is still there.
    const list = page.locator('.quick-input-title').filter({ hasText: 'What comes next' });
    await until('the list', async () => {
      await window.command('Fovea: Predict What Comes Next Here');
      return list.waitFor({ timeout: 3000 }).then(() => true, () => false);
    });
    // The words of the first token appear a moment after the list.
    await rows.first().filter({ hasText: /[+-]\d+\.\d\d/ }).waitFor();
    await shot('predict');
    await page.keyboard.press('Escape');
    await window.set({ 'fovea.model.dir': null });
    await window.heat();
  });
}
