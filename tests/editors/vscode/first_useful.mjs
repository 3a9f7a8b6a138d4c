// Measures VS Code for ../first_useful.py: node first_useful.mjs FOVEA CLIENTS EDITORS FOLDER REPOSITORY
//
// FOLDER contains the repository and takes the cache. The seconds since a window opened, as JSON: a cold start, then a warm one.
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { launched, packaged } from './prepare.mjs';
import { start, until } from './server.mjs';

const [fovea, clients, editors, folder] = process.argv.slice(2, 6).map((path) => resolve(path));
const here = dirname(fileURLToPath(import.meta.url));
const subject = JSON.parse(readFileSync(resolve(here, '../gallery.json'), 'utf8')).find(({ repository }) => repository === process.argv[6]);
const PATIENCE = 240_000;

const LOOKS = {
  text: (page) => page.locator('.view-lines .view-line').filter({ hasText: /\w/ }).count(),
  marks: (page) => page.locator('.view-overlays [class*="TextEditorDecorationType"]').count(),
  lens: (page) => page.locator('.codelens-decoration a').filter({ hasText: '≈' }).count(),
  hover: (page) => page.locator('.monaco-hover:not(.hidden)').filter({ hasText: 'telling word' }).count(),
};

/** The middle of the topmost place of a word on the screen. */
function middle(page, word) {
  return page.evaluate((wanted) => {
    const spans = [...document.querySelectorAll('.view-lines span > span')].filter((span) => span.textContent.trim() === wanted);
    const boxes = spans.map((span) => span.getBoundingClientRect()).sort((one, other) => one.y - other.y);
    return boxes[0] && { x: boxes[0].x + boxes[0].width / 2, y: boxes[0].y + boxes[0].height / 2 };
  }, word);
}

/** Opens a window on the file, with the mouse on the word, and notes when each thing is there. */
async function measure(browser, address) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 2000 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const begun = Date.now();
  const times = {};
  let moved = 0;
  await page.goto(address);
  await until(
    'all that is useful',
    async () => {
      for (const [what, look] of Object.entries(LOOKS)) {
        if (!times[what] && (await look(page)) > 0) {
          times[what] = (Date.now() - begun) / 1000;
        }
      }
      const place = times.hover || Date.now() < moved + 1500 ? undefined : await middle(page, subject.word);
      if (place) {
        // The editor asks for a hover when the mouse rests, and again only after the mouse was elsewhere.
        await page.mouse.move(5, 5);
        await page.waitForTimeout(50);
        await page.mouse.move(place.x - 3, place.y);
        await page.mouse.move(place.x, place.y);
        moved = Date.now();
      }
      return Object.keys(times).length === Object.keys(LOOKS).length;
    },
    PATIENCE,
  ).catch(() => undefined);
  await context.close();
  return times;
}

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'fovea-vscode-')));
let server;
let browser;
try {
  const vsix = packaged({ fovea, clients, editors, scratch });
  server = await start({ editors, scratch, extensions: [vsix], environment: { FOVEA_CACHE_DIR: join(folder, 'cache') } });
  browser = await launched(editors);
  const address = server.address(join(folder, subject.repository), { file: join(folder, subject.repository, subject.file) });
  const cold = await measure(browser, address);
  // The processes of the first window end.
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  console.log(JSON.stringify([cold, await measure(browser, address)]));
} finally {
  await browser?.close();
  await server?.stop();
  rmSync(scratch, { recursive: true, force: true });
}
