// Another server on the same document, and the walkthrough.
import assert from 'node:assert/strict';

import { until } from '../server.mjs';

export async function beside({ window, page, test, shot }) {
  await test("beside another server its colors and lenses are on the screen, and its hover is above Fovea's", async () => {
    await window.file('config.rs');
    const before = await window.place('dot_product').then(() => colorOf(page, 'load_config'));
    await window.command('Second Server: Start');
    await page.locator('.codelens-decoration a').filter({ hasText: 'second server: run' }).first().waitFor();
    await page.locator('.codelens-decoration a').filter({ hasText: '≈' }).first().waitFor();
    await window.heat();
    await window.set({ 'editor.semanticTokenColorCustomizations': { enabled: true, rules: { function: '#12b886' } } });
    await until('the color of the other server', async () => (await colorOf(page, 'load_config')) === 'rgb(18, 184, 134)');
    assert.notEqual(before, 'rgb(18, 184, 134)');
    const { x, y } = await window.place('load_config');
    const hover = page.locator('.monaco-hover:not(.hidden)').first();
    await until('both hovers', async () => {
      await page.mouse.move(x - 3, y);
      await page.mouse.move(x, y);
      await hover.waitFor({ timeout: 1500 }).catch(() => undefined);
      return (await hover.isVisible()) && /second server[^]*most telling|most telling[^]*second server/.test(await hover.innerText());
    });
    assert.match(await hover.innerText(), /second server[^]*most telling/);
    await page.keyboard.press('Escape');
    await window.set({ 'editor.semanticTokenColorCustomizations': null });
  });

  await test('the walkthrough shows its pictures and opens a sample', async () => {
    await window.command('Fovea: Open Walkthrough');
    const page_ = page.locator('.gettingStartedContainer');
    await page_.filter({ hasText: 'Get Started with Fovea' }).waitFor();
    await until('the picture of the first step', () =>
      page_.locator('img').evaluateAll((images) => images.some((image) => image.naturalWidth > 400 && image.offsetWidth > 100)),
    );
    await shot('walkthrough');
    await page_.locator('.button-container button, .monaco-button').filter({ hasText: 'Open a sample' }).first().click();
    await page.locator('.tab.active').filter({ hasText: 'Untitled' }).waitFor();
    await window.heat();
  });
}

function colorOf(page, word) {
  return page.evaluate((wanted) => {
    const span = [...document.querySelectorAll('.editor-group-container.active .view-line span > span')].find((each) => each.textContent === wanted);
    return span && getComputedStyle(span).color;
  }, word);
}
