// Takes the pictures of VS Code for ../gallery.py: node gallery.mjs FOVEA CLIENTS EDITORS REPOSITORIES FOLDER PATTERN
//
// FOLDER takes vscode-REPOSITORY-VIEW.png, for the names with PATTERN. A view that does not appear is reported and left out.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { pictured } from './pictured.mjs';
import { until } from './server.mjs';

const [fovea, clients, editors, repositories, folder] = process.argv.slice(2, 7).map((path) => resolve(path));
const wanted = new RegExp(process.argv[7] ?? '');
const here = dirname(fileURLToPath(import.meta.url));
const subjects = JSON.parse(readFileSync(resolve(here, '../gallery.json'), 'utf8'));

/** Scrolls to the first line of the pictures, and waits until the model has read the file. */
async function ready({ window, page }, { file, top }) {
  await window.wish({ open: [`file://${window.folder}/${file}`] });
  await until('the index', async () => (await window.state()).known?.status?.index?.state === 'ready', 60_000);
  // The cursor leaves the first line, whose word would be marked elsewhere.
  await window.quick('Control+G', `:${top}`);
  await page.keyboard.press('Enter');
  await window.wish({ run: ['revealLine', { lineNumber: top - 2, at: 'top' }] });
  await window.heat();
  await page.locator('.codelens-decoration a').filter({ hasText: '≈' }).first().waitFor();
  await page.mouse.move(5, 5);
  // Lenses and heat of the whole screen.
  await page.waitForTimeout(2000);
}

/** The lens above the item of the pictures with a text. */
async function lens({ window, page }, { item }, text) {
  const { y } = await window.place(item.split(' ').at(-1));
  const all = await page.locator('.codelens-decoration a').filter({ hasText: text }).all();
  const boxes = await Promise.all(all.map((each) => each.boundingBox()));
  const above = all.map((each, index) => [each, y - boxes[index].y]).filter(([, distance]) => distance > 0);
  return above.sort((one, other) => one[1] - other[1])[0][0];
}

const VIEWS = {
  'heat-dark': async () => undefined,
  'heat-light': async ({ window, page }) => {
    await window.theme('light');
    await page.waitForTimeout(1500);
  },
  async hover({ window, page }, { word }) {
    await window.hover(word, /reads it with|draws on/);
    await page.waitForTimeout(700);
  },
  async peek(seat, subject) {
    const { page } = seat;
    const { partner } = subject;
    await (await lens(seat, subject, partner)).click();
    const peek = page.locator('.reference-zone-widget');
    await until('the text of the other place', async () => (await peek.locator('.preview .view-lines').innerText()).includes(partner));
    await page.waitForTimeout(1500);
  },
  async comparison(seat, subject) {
    const { window, page } = seat;
    await (await lens(seat, subject, /^(compare|explain)$/)).click();
    const row = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: subject.partner });
    if (await Promise.race([row.first().waitFor().then(() => true), window.panel('pair').then(() => false)])) {
      await row.first().click();
    }
    const frame = await window.panel('pair');
    const word = frame.locator('.side').first().locator('.word').filter({ hasText: subject.item.split(' ').at(-1) }).first();
    await until('partners', async () => {
      await page.mouse.move(5, 5);
      await word.hover();
      return (await frame.locator('.word[data-partner]').count()) > 1;
    });
  },
  async search({ window, page }, { query, found }) {
    await window.wish({ run: ['fovea.search'] });
    await page.locator('.quick-input-title').filter({ hasText: 'Search by Meaning' }).waitFor();
    await page.locator('.quick-input-widget input[type="text"]').first().fill(query);
    await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: found }).first().waitFor();
    // The preview follows.
    await page.waitForTimeout(2500);
  },
};

const shots = subjects.flatMap((subject) =>
  Object.entries(VIEWS).map(([view, go]) => ({
    name: `vscode-${subject.repository}-${view}`,
    repository: subject.repository,
    take: async (seat) => {
      await ready(seat, subject);
      await go(seat, subject);
    },
  })),
);
await pictured({ fovea, clients, editors, repositories, folder, wanted, height: 740 }, shots);
