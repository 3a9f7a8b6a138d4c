// Heat as a person sees it: its tints, its legibility, and that it stays while somebody types and scrolls.
import assert from 'node:assert/strict';

import { contrast } from '../contrast.mjs';
import { until } from '../server.mjs';
import { THEMES } from '../window.mjs';

export async function tints({ window, page, test, shot }) {
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
      assert.ok(least.kept > 0.7, JSON.stringify(least));
      await page.locator('.codelens-decoration a').filter({ hasText: '≈' }).first().waitFor();
      await shot(`editor-${theme}`);
    });
  }
}

export async function steadiness({ window, page, test }) {
  await test('nothing flickers while typing: in no frame is a word that is not touched without its heat', async () => {
    // However slow the machine is, no result comes between two keys.
    await window.set({ 'fovea.debounceMs': 1500 });
    await window.file('config.rs');
    await page.keyboard.press('Control+Home');
    await window.heat((lines) => lines.some((line) => line.text.includes('load_config') && line.words.length > 2));
    const usual = (await window.lines()).find((line) => line.text.includes('load_config')).words.length;
    await page.evaluate(() => {
      // What each frame has of the words of a line that moves down: how many, and where.
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
    // The new words have their heat: so the result came while frames were counted.
    await window.heat((lines) => lines.some((line) => line.text.includes('environment first') && line.words.length > 0));
    const { frames, course } = await page.evaluate(() => {
      globalThis.foveaSeen.running = false;
      return globalThis.foveaSeen;
    });
    await window.command('File: Revert File');
    await window.set({ 'fovea.debounceMs': null });
    assert.ok(frames > 20, `${frames} frames`);
    const told = course.map(({ words, top }) => `${words} at ${top}`).join(', ');
    assert.ok(course.every(({ words }) => words >= usual), `fewer than ${usual} words in some frame: ${told}`);
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
}

/** 10,000 lines of functions, few of them different, so that reading them takes no long time. */
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
