// What a person sees of the extension, in a browser.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { contrast } from './contrast.mjs';
import { developed } from './host.mjs';
import { until } from './server.mjs';
import { THEMES, Window } from './window.mjs';

/** Some tests alone, while one works on them: `FOVEA_TEST_MATCH='flicker|scroll'`. */
const wanted = new RegExp(process.env.FOVEA_TEST_MATCH ?? '');

export async function personTests(world, lines) {
  const test = (name, body) => (wanted.test(name) ? lines.test(name, body) : undefined);
  const folder = world.workspace('workspace');
  writeFileSync(join(folder, 'long.rs'), long());
  const development = await developed(world);
  const shots = world.pictures ?? join(world.scratch, 'pictures');
  mkdirSync(shots, { recursive: true });
  const window = await Window.open(world, world.server.address(folder, { development }));
  const { page } = window;
  lines.onFailure(async (name) => {
    await page.screenshot({ path: join(shots, `failed-${name.replace(/\W+/g, '-').slice(0, 60)}.png`) }).catch(() => undefined);
    console.log(`        notifications: ${await window.notifications().catch(String)}`);
  });
  const shot = (name) => window.picture(join(shots, `${name}.png`));

  await test('words stand on tints, the telling ones on stronger ones, behind the text with the colours of its language', async () => {
    await window.theme('dark');
    await window.file('config.rs');
    const lines = await window.heat((all) => all.some((line) => line.words.some((word) => word.text === 'load_config')));
    const words = lines.flatMap((line) => line.words);
    const alpha = (word) => Number(word.background.match(/rgba\(.*, ([\d.]+)\)/)?.[1] ?? 1);
    const [telling, dull] = ['load_config', 'lines'].map((text) => words.find((word) => word.text === text));
    assert.ok(alpha(telling) > 3 * alpha(dull), `${telling.background} ${dull.background}`);
    const colors = () => page.evaluate(() => [...document.querySelectorAll('.view-line span > span')].map((span) => getComputedStyle(span).color));
    const coloured = await colors();
    await window.set({ 'fovea.heat.enable': false });
    await window.heat((all) => all.length > 5 && all.every((line) => line.words.length === 0));
    assert.deepEqual(await colors(), coloured);
    await window.set({ 'fovea.heat.enable': null });
    await window.heat();
  });

  for (const theme of Object.keys(THEMES)) {
    await test(`in the ${theme} theme text on heat stays legible`, async () => {
      await window.theme(theme);
      const least = await until('the colours of the theme', async () => {
        const ground = await page.evaluate(() => getComputedStyle(document.querySelector('.monaco-editor .monaco-editor-background')).backgroundColor);
        const words = (await window.lines()).flatMap((line) => line.words);
        // What the theme itself gives up is not ours to restore.
        const ratios = words.map((word) => {
          const [bare, tinted] = [contrast(word.color, [ground]), contrast(word.color, [ground, word.background])];
          return { text: word.text, bare, tinted, kept: tinted / Math.min(bare, theme.startsWith('contrast') ? 7 : 4.5) };
        });
        return ratios.length > 20 && ratios.sort((a, b) => a.kept - b.kept)[0];
      });
      assert.ok(least.kept > 0.62, JSON.stringify(least));
      await shot(`editor-${theme}`);
    });
  }

  await test('hovering over a word explains it', async () => {
    await window.theme('dark');
    const { x, y } = await window.place('load_config');
    const hover = page.locator('.monaco-hover:not(.hidden)').filter({ hasText: 'Fovea' });
    await until('the hover', async () => {
      await page.mouse.move(x - 3, y);
      await page.mouse.move(x, y);
      return hover.first().isVisible();
    });
    assert.match(await hover.first().innerText(), /load_config[^]*of this function/);
    await page.keyboard.press('Escape');
    await page.mouse.move(5, 5);
  });

  await test('a lens opens a peek of similar items', async () => {
    const lens = page.locator('.codelens-decoration a').filter({ hasText: '≈' });
    await lens.first().click();
    const peek = page.locator('.reference-zone-widget');
    await peek.waitFor();
    await peek.locator('.ref-tree .monaco-list-row').filter({ hasText: 'read_settings' }).first().waitFor();
    await until('the text of the other file', async () => /read_settings/.test(await peek.locator('.preview .view-lines').innerText()));
    await shot('peek');
    // From there the way leads on to why.
    await peek.locator('.preview .view-line').filter({ hasText: 'read_settings' }).first().click({ button: 'right' });
    const entry = page.locator('.monaco-menu .action-item').filter({ hasText: 'Explain Similarity' }).first();
    await entry.waitFor();
    // A menu that has just come up takes no click.
    await until('the choice', async () => {
      await entry.click({ timeout: 1000 }).catch(() => undefined);
      return !(await entry.isVisible());
    });
    const frame = await window.panel('pair');
    assert.match(await frame.locator('h1').innerText(), /load_config resembles read_settings/);
    await page.keyboard.press('Control+W');
    await page.locator('.tab').filter({ hasText: 'Why Similar' }).waitFor({ state: 'detached' });
    await window.heat();
    assert.equal(await peek.count(), 0, 'the peek ends when the panel takes its place');
  });

  await test('the lens beside it explains the similarity: a word on one side lights its partners on the other', async () => {
    await page.locator('.codelens-decoration a').filter({ hasText: 'explain' }).first().click();
    const row = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'read_settings' });
    const several = await Promise.race([row.first().waitFor().then(() => true), window.panel('pair').then(() => false)]);
    if (several) {
      await page.keyboard.press('Enter');
    }
    const frame = await window.panel('pair');
    assert.match(await frame.locator('.summary').innerText(), /0\.\d{3}[^]*residual/);
    const word = frame.locator('.side').first().locator('.word').filter({ hasText: /^load_config$/ }).first();
    await word.hover();
    assert.match(await frame.locator('.summary').innerText(), /without what rust has in common/, 'the index knows the language');
    const partners = frame.locator('.side').nth(1).locator('.word[data-partner]');
    await until('partners', async () => (await partners.count()) > 1);
    const strongest = frame.locator('.side').nth(1).locator('.word[data-partner="10"]');
    assert.ok((await strongest.count()) >= 1);
    assert.match(await frame.locator('.partners').innerText(), /load_config adds [+−]\d\.\d{4}/);
    await shot('pair');
  });

  await test('the panel can be walked with the keyboard and tells those who listen', async () => {
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
    assert.match(live, /adds [+−]/);
    assert.equal(await frame.locator('.side').first().locator('.word[tabindex="0"]').count(), 1, 'one stop of the Tab key');
    const unlabelled = await frame.locator('[role="listbox"]:not([aria-label]), section:not([aria-label])').count();
    assert.equal(unlabelled, 0);
  });

  await test('the page of the panel allows nothing but its own script and style', async () => {
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
      const ratio = await until('the colours of the theme', async () => {
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
    await window.command('Fovea: Explain Document');
    const frame = await window.panel('explanation');
    assert.match(await frame.locator('.unit').nth(1).innerText(), /load_config/);
    assert.ok((await frame.locator('.ranking li').count()) > 5);
    await shot('explanation');
    await window.command('View: Close All Editors');
    await page.locator('.tab').first().waitFor({ state: 'detached' });
  });

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

  await test('the style of heat, its least level and the marks at the scroll bar follow the settings', async () => {
    const count = async () => (await window.lines()).flatMap((line) => line.words).length;
    const all = await count();
    await window.set({ 'fovea.client.heatFrom': 9 });
    await until('fewer words', async () => (await count()) > 0 && (await count()) < all / 2);
    await window.set({ 'fovea.client.heatFrom': null, 'fovea.client.heatStyle': 'underline' });
    await window.heat((lines) => {
      const words = lines.flatMap((line) => line.words);
      return words.length === all && words.every((word) => word.border.startsWith('3px') && /rgba\(0, 0, 0, 0\)/.test(word.background));
    });
    await window.set({ 'fovea.client.heatStyle': null });
    await window.heat((lines) => lines.flatMap((line) => line.words).some((word) => !/rgba\(0, 0, 0, 0\)/.test(word.background)));
    const marks = () =>
      page.evaluate(() => {
        const canvas = document.querySelector('.editor-group-container.active .decorationsOverviewRuler');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let warm = 0;
        for (let at = 0; at < data.length; at += 4) {
          warm += data[at + 3] > 100 && data[at] > 150 && data[at + 2] < 100 ? 1 : 0;
        }
        return warm;
      });
    await until('marks at the scroll bar', async () => (await marks()) > 0);
    await window.set({ 'fovea.client.overviewRuler': false });
    await until('no marks', async () => (await marks()) === 0);
    await window.set({ 'fovea.client.overviewRuler': null });
  });

  await test('nothing flickers while typing: in no frame is a word that is not touched without its heat', async () => {
    await window.file('config.rs');
    await page.keyboard.press('Control+Home');
    await window.heat();
    await page.evaluate(() => {
      const seen = { least: Infinity, frames: 0, running: true };
      globalThis.foveaSeen = seen;
      const look = () => {
        const editor = document.querySelector('.editor-group-container.active');
        const line = [...editor.querySelectorAll('.view-line')].find((each) => each.textContent.includes('load_config'));
        const row = [...editor.querySelectorAll('.view-overlays > div')].find((each) => each.style.top === line?.style.top);
        const words = row ? row.querySelectorAll('[class*="TextEditorDecorationType"]').length : 0;
        seen.least = Math.min(seen.least, words);
        seen.frames++;
        if (seen.running) {
          requestAnimationFrame(look);
        }
      };
      requestAnimationFrame(look);
    });
    const usual = (await window.lines()).find((line) => line.text.includes('load_config')).words.length;
    await page.keyboard.press('ArrowDown');
    const typed = '// reads the environment first\n';
    await page.keyboard.type(typed, { delay: 25 });
    // The new words have their heat: so the result came while frames were counted.
    await window.heat((lines) => lines.some((line) => line.text.includes('environment first') && line.words.length > 0));
    const seen = await page.evaluate(() => {
      globalThis.foveaSeen.running = false;
      return globalThis.foveaSeen;
    });
    assert.ok(seen.frames > 20, `${seen.frames} frames`);
    assert.ok(seen.least >= usual, `${seen.least} instead of ${usual} words in some frame`);
    await window.command('File: Revert File');
  });

  await test('a file of 10,000 lines scrolls with all its heat', async () => {
    await window.file('long.rs');
    // Blank lines and lines of brackets have nothing to tell; every other one has some word.
    const telling = (lines) => lines.filter((line) => /fn |for |\/\/\/ /.test(line.text));
    const whole = (lines) => telling(lines).length > 5 && telling(lines).every((line) => line.words.length > 0);
    await window.heat(whole);
    for (let step = 0; step < 25; step++) {
      await page.keyboard.press('PageDown');
      await window.heat(whole);
    }
    await page.keyboard.press('Control+End');
    await window.heat((lines) => lines.some((line) => line.text.includes('the last line')) && whole(lines));
    await page.keyboard.press('Control+Home');
    await window.heat((lines) => lines.some((line) => line.text.includes('the first line')) && whole(lines));
    await page.locator('.monaco-editor').first().hover();
    for (let step = 0; step < 10; step++) {
      await page.mouse.wheel(0, 4000);
      await window.heat(whole);
    }
    await page.keyboard.press('Control+W');
  });

  await test("beside another server its colours and lenses are on the screen, and its hover stands above ours", async () => {
    await window.file('config.rs');
    const before = await window.place('dot_product').then(() => colorOf(page, 'load_config'));
    await window.command('Second Server: Start');
    await page.locator('.codelens-decoration a').filter({ hasText: 'second server: run' }).first().waitFor();
    await page.locator('.codelens-decoration a').filter({ hasText: '≈' }).first().waitFor();
    await window.heat();
    await window.set({ 'editor.semanticTokenColorCustomizations': { enabled: true, rules: { function: '#12b886' } } });
    await until('the colour of the other server', async () => (await colorOf(page, 'load_config')) === 'rgb(18, 184, 134)');
    assert.notEqual(before, 'rgb(18, 184, 134)');
    const { x, y } = await window.place('load_config');
    const hover = page.locator('.monaco-hover:not(.hidden)').first();
    await until('both hovers', async () => {
      await page.mouse.move(x - 3, y);
      await page.mouse.move(x, y);
      return (await hover.isVisible()) && /second server[^]*Fovea|Fovea[^]*second server/.test(await hover.innerText());
    });
    assert.match(await hover.innerText(), /second server[^]*Fovea/);
    await page.keyboard.press('Escape');
    await window.set({ 'editor.semanticTokenColorCustomizations': null });
  });

  await test('the walkthrough shows what there is to see', async () => {
    await window.command('Fovea: Open Walkthrough');
    const page_ = page.locator('.gettingStartedContainer');
    await page_.filter({ hasText: 'Get Started with Fovea' }).waitFor();
    await until('the picture of the first step', () =>
      page_.locator('img').evaluateAll((images) => images.some((image) => image.naturalWidth > 400 && image.offsetWidth > 100)),
    );
    await shot('walkthrough');
    await page_.locator('.button-container button, .monaco-button').filter({ hasText: 'Open a sample' }).first().click();
    await window.heat((lines) => lines.some((line) => line.text.includes('def load_settings') && line.words.length > 1));
  });

  await test('nothing reached for the network', async () => {
    assert.deepEqual(window.strangers, []);
  });
  await window.close();

  await test('at 150 % everything is as sharp and fits', async () => {
    const large = await Window.open(world, world.server.address(folder, { development }), { scale: 1.5, width: 900, height: 600 });
    try {
      for (const theme of Object.keys(THEMES)) {
        await large.theme(theme);
        await large.file('config.rs');
        await large.heat();
        await large.picture(join(shots, `large-${theme}.png`));
      }
    } finally {
      await large.close();
    }
  });
}

function colorOf(page, word) {
  return page.evaluate((wanted) => {
    const span = [...document.querySelectorAll('.editor-group-container.active .view-line span > span')].find((each) => each.textContent === wanted);
    return span && getComputedStyle(span).color;
  }, word);
}

/** 10,000 lines of functions, few of them different, so that reading them takes no long time. */
function long() {
  const nouns = ['invoice', 'customer', 'parcel', 'ticket', 'reading', 'garden', 'planet', 'recipe'];
  const lines = ['//! the first line'];
  while (lines.length < 9_990) {
    const noun = nouns[(lines.length >> 3) % nouns.length];
    lines.push(
      '',
      `/// Counts each ${noun} that is still open.`,
      `pub fn count_${noun}s(all: &[${noun[0].toUpperCase()}${noun.slice(1)}]) -> usize {`,
      '    let mut open = 0;',
      `    for ${noun} in all {`,
      `        open += usize::from(${noun}.is_open());`,
      '    }',
      '    open',
      '}',
    );
  }
  lines.push('', '// the last line');
  return lines.join('\n');
}
