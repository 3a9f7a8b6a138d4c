// Hovers, the peek of similar items, and the panel that explains a similarity or a selection.
import assert from 'node:assert/strict';

import { contrast } from '../contrast.mjs';
import { until } from '../server.mjs';

export async function similar({ window, page, test, shot }) {
  await test('hovering over a word explains it', async () => {
    await window.theme('dark');
    const hover = await window.hover('load_config', 'most telling word');
    assert.match(await hover.innerText(), /load_config is the .*most telling word of this function; the model reads it with/);
    // The hover fades in.
    await until('the whole hover', () => hover.evaluate((each) => {
      for (let at = each; at; at = at.parentElement) {
        if (getComputedStyle(at).opacity !== '1') {
          return false;
        }
      }
      return true;
    }));
    await shot('hover');
    // A link opens the explanation.
    await hover.locator('a').filter({ hasText: 'Why?' }).click();
    const frame = await window.panel('explanation');
    assert.match(await frame.locator('.sentence').innerText(), /load_config is the .*most telling word/);
    assert.equal(await frame.locator('.passage .word.asked').innerText(), 'load_config');
    assert.ok(!(await frame.locator('details dl').isVisible()), 'the numbers are not folded');
    await frame.locator('summary').click();
    assert.match(await frame.locator('details').innerText(), /Method[^]*decomposition[^]*Residual/);
    await shot('why');
    await page.keyboard.press('Control+W');
    await page.locator('.tab').filter({ hasText: 'Why?' }).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await page.mouse.move(5, 5);
  });

  await test('a lens opens a peek of similar items', async () => {
    const lens = page.locator('.codelens-decoration a').filter({ hasText: '≈' });
    const peek = page.locator('.reference-zone-widget');
    // VS Code answers a click on a lens that it is just replacing with an error; a person clicks again.
    await until('the peek', async () => {
      await lens.first().click({ timeout: 1000 }).catch(() => undefined);
      return peek.waitFor({ timeout: 5000 }).then(
        () => true,
        () => false,
      );
    });
    await peek.locator('.ref-tree .monaco-list-row').filter({ hasText: 'read_settings' }).first().waitFor();
    await until('the text of the other file', async () => /read_settings/.test(await peek.locator('.preview .view-lines').innerText()));
    await shot('peek');
    // The context menu of the peek opens the explanation.
    await peek.locator('.preview .view-line').filter({ hasText: 'read_settings' }).first().click({ button: 'right' });
    const entry = page.locator('.monaco-menu .action-item').filter({ hasText: 'Compare with Similar Code' }).first();
    await entry.waitFor();
    // A menu ignores clicks directly after it opens.
    await until('the choice', async () => {
      await entry.click({ timeout: 1000 }).catch(() => undefined);
      return !(await entry.isVisible());
    });
    const frame = await window.panel('pair');
    assert.match(await frame.locator('h1').innerText(), /load_config and read_settings/);
    await page.keyboard.press('Control+W');
    await page.locator('.tab').filter({ hasText: 'Comparison' }).waitFor({ state: 'detached' });
    await window.heat();
    assert.equal(await peek.count(), 0, 'the peek should close when the panel opens');
  });

  await test('the lens beside it compares: shared words are first, and a word on one side marks its matches', async () => {
    await page.locator('.codelens-decoration a').filter({ hasText: 'compare' }).first().click();
    const row = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'read_settings' });
    const several = await Promise.race([row.first().waitFor().then(() => true), window.panel('pair').then(() => false)]);
    if (several) {
      await page.keyboard.press('Enter');
    }
    const frame = await window.panel('pair');
    const summary = await frame.locator('.summary').innerText();
    assert.match(summary, /^[A-Z][^]*\.\n[^]*Shared words/);
    assert.ok(!/residual|bias|cosine|0\.\d/.test(summary), summary);
    assert.ok(!(await frame.locator('details dl').isVisible()), 'the numbers are not folded');
    const word = frame.locator('.side').first().locator('.word').filter({ hasText: /^load_config$/ }).first();
    await word.hover();
    const matches = frame.locator('.side').nth(1).locator('.word[data-partner]');
    await until('matches', async () => (await matches.count()) > 1);
    assert.ok((await frame.locator('.side').nth(1).locator('.word[data-partner="3"]').count()) >= 1);
    assert.match(await frame.locator('.matches').innerText(), /load_config matches .*settings/);
    await shot('pair');
    await frame.locator('.chip').first().hover();
    await until('shared words on both sides', async () => {
      const sides = await Promise.all([0, 1].map((side) => frame.locator('.side').nth(side).locator('.word[data-partner="3"]').count()));
      return sides.every((count) => count > 0);
    });
  });

  await test('code in the panel is dedented and colored, its columns scroll separately and long titles are cut', async () => {
    const frame = await window.panel('pair');
    for (const side of await frame.locator('.side .passage').all()) {
      const lines = (await side.innerText()).split('\n').filter((line) => line.trim() !== '');
      assert.ok(lines.some((line) => /^\S/.test(line)), lines.join('\n'));
      assert.ok((await side.locator('.keyword, .comment, .string').count()) > 3);
      const colors = await side.evaluate((root) => new Set([...root.querySelectorAll('span')].map((each) => getComputedStyle(each).color)).size);
      assert.ok(colors >= 3, `${colors} colors`);
      assert.equal(await side.evaluate((root) => getComputedStyle(root).overflowY), 'auto');
    }
    const whole = await frame.evaluate(() => document.documentElement.scrollHeight - document.documentElement.clientHeight);
    assert.ok(whole <= 1, `the page itself scrolls by ${whole} pixels`);
    assert.ok(await frame.locator('h1').evaluate((each) => getComputedStyle(each).textOverflow === 'ellipsis'));
  });

  await test('the panel works with the keyboard and with screen readers', async () => {
    const frame = await window.panel('pair');
    const first = frame.locator('.side').first().locator('.word').first();
    await first.focus();
    const focused = () => frame.evaluate(() => document.activeElement.textContent);
    const [start] = [await focused()];
    await page.keyboard.press('End');
    await until('another word', async () => (await focused()) !== start);
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    const live = await frame.locator('#live').innerText();
    assert.match(live, /matches /);
    assert.equal(await frame.locator('.side').first().locator('.word[tabindex="0"]').count(), 1, 'the side should have one stop of the Tab key');
    const unlabeled = await frame.locator('[role="listbox"]:not([aria-label]), section:not([aria-label])').count();
    assert.equal(unlabeled, 0);
  });

  await test('a link below the passages says whether the words that count most can be trusted', async () => {
    const frame = await window.panel('pair');
    await frame.locator('button.onward').click();
    await window.wish({ run: ['notifications.showList'] });
    const verdict = page.locator('.notifications-center .notification-list-item').filter({ hasText: 'Removing the five words that count most' });
    await verdict.first().waitFor();
    await shot('pair-trust');
    await verdict.first().getByText('Show the Curve').click();
    await page.locator('.quick-input-title').filter({ hasText: 'How far the similarity falls' }).waitFor();
    await page.keyboard.press('Escape');
    await window.wish({ run: ['notifications.clearAll'] });
  });

  await test('the page of the panel allows only its own script and style', async () => {
    const frame = await window.panel('pair');
    const policy = await frame.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
    assert.match(policy, /^default-src 'none'; script-src 'nonce-[\w+/=]+'; style-src [^;]+;/);
    assert.ok(!/unsafe|\*|https?:/.test(policy.replace(/style-src [^;]+/, '')), policy);
    assert.equal(await frame.locator('[onclick], [onload], [style*="expression"]').count(), 0);
    assert.deepEqual(window.complaints, []);
  });

  for (const theme of ['light', 'contrast', 'contrast-light']) {
    await test(`the panel is legible in the ${theme} theme`, async () => {
      await window.theme(theme);
      const frame = await window.panel('pair');
      const ratio = await until('the colors of the theme', async () => {
        const [color, ground] = await frame.evaluate(() => {
          const style = getComputedStyle(document.body);
          return [style.color, style.backgroundColor];
        });
        const found = contrast(color, [ground]);
        return found > 4.5 && found;
      });
      assert.ok(ratio > 4.5);
      await page.mouse.move(5, 5);
      await frame.locator('.side').first().locator('.word').filter({ hasText: /^load_config$/ }).first().hover();
      await shot(`pair-${theme}`);
    });
  }
  await window.theme('dark');

  await test('a selection is explained beside the text', async () => {
    await window.file('config.rs');
    await window.heat();
    await window.command('Fovea: Which Words Tell Most About the Document');
    const frame = await window.panel('explanation');
    assert.match(await frame.locator('.unit').nth(1).innerText(), /load_config/);
    assert.ok((await frame.locator('.ranking li').count()) > 5);
    await shot('explanation');
    await window.command('View: Close All Editors');
    await page.locator('.tab').first().waitFor({ state: 'detached' });
  });

  await test('a comparison that takes long shows its progress and can be canceled', async () => {
    const uri = `file://${window.folder}/long.rs`;
    await window.command('View: Close All Editors');
    const range = (first, last) => ({ start: { line: first, character: 0 }, end: { line: last, character: 0 } });
    await window.wish({ open: [uri] });
    await window.wish({ run: ['fovea.compareItems', { a: { uri, range: range(2, 1600) }, b: { uri, range: range(3002, 4600) } }] });
    await window.wish({ run: ['notifications.showList'] });
    const progress = page.locator('.notifications-center .notification-list-item').filter({ hasText: 'Comparing' });
    await progress.waitFor();
    await progress.locator('.monaco-button').filter({ hasText: 'Cancel' }).click();
    await progress.waitFor({ state: 'detached' });
    await window.wish({ run: ['notifications.hideList'] });
    assert.equal(await page.locator('.tab').filter({ hasText: 'Comparison' }).count(), 0);
    // The server can answer the next request at once.
    await window.wish({ run: ['fovea.compareItems', { a: { uri, range: range(2, 10) }, b: { uri, range: range(34, 42) } }] });
    await window.panel('pair');
    await window.command('View: Close All Editors');
    await page.locator('.tab').first().waitFor({ state: 'detached' });
  });
}
