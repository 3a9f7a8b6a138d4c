// The appearance in each theme at 100 % and at 150 %: everything fits, and pictures are made.
import assert from 'node:assert/strict';

import { contrast } from '../contrast.mjs';
import { until } from '../server.mjs';
import { THEMES } from '../window.mjs';

/** The text of Fovea's panel with the least contrast. */
async function faintest(frame) {
  const texts = await frame.evaluate(() =>
    [...document.querySelectorAll('.word, h1, h2, p, td, th, li, code, button, span')]
      .filter((each) => [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== ''))
      .map((each) => {
        const grounds = [];
        for (let at = each; at; at = at.parentElement) {
          grounds.unshift(getComputedStyle(at).backgroundColor);
        }
        return { text: each.textContent.trim().slice(0, 40), color: getComputedStyle(each).color, grounds };
      }),
  );
  const ratios = texts.map(({ text, color, grounds }) => ({ text, ratio: contrast(color, grounds) }));
  return ratios.sort((one, other) => one.ratio - other.ratio)[0];
}

async function look({ window, page, test, shot }, name, prefix, theme) {
  const lens = (text) => page.locator('.codelens-decoration a').filter({ hasText: text }).first();

  await test(`${name} text, peek, search and panel fit and are legible in the ${theme} theme`, async () => {
    await window.theme(theme);
    await window.file('config.rs');
    await window.heat();
    await lens('≈').waitFor();
    const item = page.locator('.statusbar-item[id*="fovea.status"] a');
    assert.ok(await item.evaluate((each) => each.scrollWidth <= each.clientWidth + 1), 'the item in the status bar is cut');
    await shot(`${prefix}editor-${theme}`);

    await lens('≈').click();
    const peek = page.locator('.reference-zone-widget');
    await until('the text of the other file', async () => /read_settings/.test(await peek.locator('.preview .view-lines').innerText()));
    await shot(`${prefix}peek-${theme}`);
    await page.keyboard.press('Escape');
    await peek.waitFor({ state: 'detached' });

    await window.command('Fovea: Search by Meaning');
    await page.locator('.quick-input-title').filter({ hasText: 'Search by Meaning' }).waitFor();
    await page.locator('.quick-input-widget input[type="text"]').first().fill('middle value of a list of numbers');
    await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'median' }).first().waitFor();
    await page.locator('.tab').filter({ hasText: 'preferences.py' }).waitFor();
    await shot(`${prefix}search-${theme}`);
    await page.keyboard.press('Escape');
    await page.locator('.tab.active').filter({ hasText: 'config.rs' }).waitFor();

    await lens('compare').click();
    const row = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'read_settings' });
    if (await Promise.race([row.first().waitFor().then(() => true), window.panel('pair').then(() => false)])) {
      await page.keyboard.press('Enter');
    }
    const frame = await window.panel('pair');
    const word = frame.locator('.side').first().locator('.word').filter({ hasText: /^load_config$/ }).first();
    // The mouse moves again, because a redraw during the first move does not notice it.
    await until('partners', async () => {
      await page.mouse.move(5, 5);
      await word.hover();
      return (await frame.locator('.word[data-partner]').count()) > 1;
    });
    const wide = await frame.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `the panel is ${wide} pixels too wide`);
    const least = await faintest(frame);
    assert.ok(least.ratio >= (theme.startsWith('contrast') ? 7 : 4.5), JSON.stringify(least));
    await shot(`${prefix}pair-${theme}`);
    await page.keyboard.press('Control+W');
    await page.locator('.tab').filter({ hasText: 'Comparison' }).waitFor({ state: 'detached' });
  });
}

export async function looks({ world, development, folder, open }) {
  // Less fits at the larger scale, so only that one is tested if no pictures are made.
  const scales = [...(world.pictures ? [['at 100 %', 'all-', {}]] : []), ['at 150 %', 'large-', { scale: 1.5, width: 900, height: 600 }]];
  for (const [name, prefix, options] of scales) {
    const seat = await open(world.server.address(folder, { development }), options);
    try {
      for (const theme of Object.keys(THEMES)) {
        await look(seat, name, prefix, theme);
      }
    } finally {
      await seat.window.close();
    }
  }
}
