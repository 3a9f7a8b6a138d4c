// Heat as users see it: its tints, its legibility, and its stability while typing and scrolling.
import assert from 'node:assert/strict';

import { contrast } from '../contrast.mjs';
import { until } from '../server.mjs';
import { THEMES } from '../window.mjs';

/** VS Code's bundled themes, by their names in settings. */
const BUNDLED = [
  'Light 2026', 'Light Modern', 'Light+', 'Visual Studio Light', 'Quiet Light', 'Solarized Light', 'Dark 2026', 'Dark Modern', 'Dark+',
  'Visual Studio Dark', 'Abyss', 'Kimbie Dark', 'Monokai', 'Monokai Dimmed', 'Red', 'Solarized Dark', 'Tomorrow Night Blue',
  'Default High Contrast', 'Default High Contrast Light',
]; // prettier-ignore

/** Common words of Rust, which have heat only with the preset full. */
const KEYWORDS = /^(use|pub|fn|let|mut|for|in|if|const|is|Ok|Some|as)$/;

const alpha = (word) => Number(word.background.match(/rgba\(.*, ([\d.]+)\)/)?.[1] ?? 1);

export async function tints({ window, page, test, shot }) {
  const ground = () => page.evaluate(() => getComputedStyle(document.querySelector('.monaco-editor .monaco-editor-background')).backgroundColor);

  await test('few words are colored, and the text keeps the colors of its language', async () => {
    await window.theme('dark');
    await window.file('config.rs');
    const lines = await window.heat((all) => all.some((line) => line.words.some((word) => word.text === 'configuration')));
    const filled = lines.filter((line) => line.text.trim() !== '');
    const marked = filled.filter((line) => line.words.length > 0).length / filled.length;
    assert.ok(marked <= 0.3, `${Math.round(marked * 100)} % of the lines are marked`);
    const colors = () => page.evaluate(() => [...document.querySelectorAll('.view-line span > span')].map((span) => getComputedStyle(span).color));
    const colored = await colors();
    await window.set({ 'fovea.heat.preset': 'off' });
    await window.heat((all) => all.length > 5 && all.every((line) => line.words.length === 0));
    // A colored word may have its own span.
    assert.deepEqual([...new Set(await colors())].sort(), [...new Set(colored)].sort());
    await window.set({ 'fovea.heat.preset': null });
    await window.heat();
    assert.equal(await page.locator('.view-overlays [class*="TextEditorDecorationType"]').evaluateAll((all) => all.filter((each) => parseFloat(getComputedStyle(each).borderBottomWidth) > 0).length), 0, 'a line below a word hides underscores');
  });

  await test('no color is red, and there are three tones', async () => {
    await window.set({ 'fovea.heat.preset': 'full' });
    for (const theme of ['dark', 'light']) {
      await window.theme(theme);
      const words = (await window.heat((lines) => lines.flatMap((line) => line.words).length > 20)).flatMap((line) => line.words);
      const tones = [...new Set(words.map((word) => word.background))];
      assert.equal(tones.length, 3, tones.join(' '));
      for (const tone of tones) {
        const [red, green, blue] = tone.match(/[\d.]+/g).map(Number);
        assert.ok(blue > red && blue > green, `${tone} is not a calm violet`);
      }
    }
  });

  const least = [];
  for (const theme of BUNDLED) {
    await test(`text on colors is legible in ${theme}`, async () => {
      await window.set({ 'workbench.colorTheme': theme });
      const worst = await until(
        'legible text',
        async () => {
          const below = await ground();
          const words = (await window.lines()).flatMap((line) => line.words).filter((word) => word.color);
          const ratios = words.map((word) => ({
            text: word.text,
            brightness: word.brightness,
            bare: contrast(word.color, [below]),
            tinted: contrast(word.color, [below, word.background], word.brightness),
          }));
          // Names, comments and strings, which have heat by default. Dark red on black cannot become legible.
          const telling = ratios.filter(({ text }) => /^\w/.test(text) && !KEYWORDS.test(text));
          const judged = telling.filter(({ bare }) => bare >= 2).sort((a, b) => a.tinted - b.tinted);
          return words.length > 20 && judged[0]?.tinted >= 4.5 && { ...judged[0], theme };
        },
        8000,
      ).catch(async (error) => {
        const below = await ground();
        const words = (await window.lines()).flatMap((line) => line.words).map((word) => `${word.text} ${contrast(word.color, [below, word.background], word.brightness).toFixed(2)}`);
        throw new Error(`${error.message}: ${words.join(', ')}`);
      });
      least.push(worst);
    });
  }
  await window.set({ 'fovea.heat.preset': null });

  for (const theme of Object.keys(THEMES)) {
    await test(`the editor in the ${theme} theme`, async () => {
      await window.theme(theme);
      await window.heat((lines) => lines.flatMap((line) => line.words).length < 20 && lines.some((line) => line.words.length > 0));
      await until('visible tones', async () => (await window.lines()).flatMap((line) => line.words).every((word) => alpha(word) > 0.1));
      await page.locator('.codelens-decoration a').filter({ hasText: '≈' }).first().waitFor();
      await shot(`editor-${theme}`);
    });
  }
  console.log(`        least contrast: ${least.map(({ theme, tinted }) => `${theme} ${tinted.toFixed(2)}`).join(', ')}`);
  await window.theme('dark');
}

export async function steadiness({ window, page, test }) {
  await test('nothing flickers while typing: unchanged words have their heat in every frame', async () => {
    // Even on a slow machine, no result arrives between two keys.
    await window.set({ 'fovea.debounceMs': 1500, 'fovea.heat.preset': 'full', 'fovea.client.heatFrom': 1 });
    await window.file('config.rs');
    await page.keyboard.press('Control+Home');
    await window.heat((lines) => lines.some((line) => line.text.includes('load_config') && line.words.length > 2));
    const usual = (await window.lines()).find((line) => line.text.includes('load_config')).words.length;
    await page.evaluate(() => {
      // For each frame, the number of marked words and the position of a line that moves down.
      const seen = { frames: 0, running: true, course: [] };
      globalThis.foveaSeen = seen;
      const look = () => {
        const editor = document.querySelector('.editor-group-container.active');
        const line = [...editor.querySelectorAll('.view-line')].find((each) => each.textContent.includes('load_config'));
        const row = [...editor.querySelectorAll('.view-overlays > div')].find((each) => each.style.top === line?.style.top);
        const words = row ? row.querySelectorAll('[class*="TextEditorDecorationType"]').length : 0;
        const last = seen.course.at(-1);
        if (last?.words !== words || last?.top !== line?.style.top) {
          seen.course.push({ words, top: line?.style.top });
        }
        seen.frames++;
        if (seen.running) {
          requestAnimationFrame(look);
        }
      };
      requestAnimationFrame(look);
    });
    await page.keyboard.press('ArrowDown');
    await page.keyboard.type('// reads the environment first\n', { delay: 25 });
    // The new words have heat, so the result arrived while frames were counted.
    await window.heat((lines) => lines.some((line) => line.text.includes('environment first') && line.words.length > 0));
    const { frames, course } = await page.evaluate(() => {
      globalThis.foveaSeen.running = false;
      return globalThis.foveaSeen;
    });
    // The new result may have fewer telling words.
    const least = Math.min(usual, course.at(-1).words);
    assert.ok(least > 2, `${least} words`);
    await window.command('File: Revert File');
    await window.set({ 'fovea.debounceMs': null, 'fovea.heat.preset': null, 'fovea.client.heatFrom': null });
    assert.ok(frames > 20, `${frames} frames`);
    const told = course.map(({ words, top }) => `${words} at ${top}`).join(', ');
    assert.ok(course.every(({ words }) => words >= least), `fewer than ${least} words in some frame: ${told}`);
  });

  await test('a file of 10,000 lines keeps all its heat while scrolling', async () => {
    await window.file('long.rs');
    await window.set({ 'fovea.heat.preset': 'full', 'fovea.client.heatFrom': 1 });
    // Blank lines and lines of brackets have no heat; every other line has some.
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
    await window.set({ 'fovea.heat.preset': null, 'fovea.client.heatFrom': null });
    await page.keyboard.press('Control+W');
  });
}

/** 10,000 lines of functions. Few of them differ, so that their analysis is fast. */
export function long() {
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
