// Takes the pictures of VS Code for ../task_pictures.py: node task_pictures.mjs FOVEA EDITORS REPOSITORIES MODEL PROBE FOLDER PATTERN
//
// FOLDER takes vscode-TASK.png, for the names with PATTERN. A view that does not appear is reported and left out.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { pictured } from './pictured.mjs';
import { until } from './server.mjs';

const [fovea, editors, repositories, model, probe, folder] = process.argv.slice(2, 8).map((path) => resolve(path));
const wanted = new RegExp(process.argv[8] ?? '');
const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../..');
const plan = JSON.parse(readFileSync(resolve(here, '../task_pictures.json'), 'utf8'));
// A model that writes needs seconds on two cores.
const PATIENCE = 100_000;

/** Scrolls to the first line of the pictures, and waits until the model has read the file. */
async function ready({ window, page }, { file, top }, line) {
  await window.wish({ open: [`file://${window.folder}/${file}`] });
  await window.quick('Control+G', `:${line}`);
  await page.keyboard.press('Enter');
  await window.wish({ run: ['revealLine', { lineNumber: top - 2, at: 'top' }] });
  await page.mouse.move(5, 5);
  await window.heat();
}

/** Waits until the index knows the folder. */
function indexed({ window }) {
  return until('the index', async () => (await window.state()).known?.status?.index?.state === 'ready', PATIENCE);
}

/** Asks a question, and waits for the list of answers. */
async function ask(seat, question) {
  const { window, page } = seat;
  await indexed(seat);
  await window.wish({ run: ['fovea.ask'] });
  await page.locator('.quick-input-title').filter({ hasText: 'Ask' }).waitFor();
  await page.locator('.quick-input-widget input[type="text"]').first().fill(question);
  await page.keyboard.press('Enter');
  const rows = page.locator('.quick-input-list .monaco-list-row');
  await rows.filter({ hasText: /[+]\d\.\d\d/ }).first().waitFor();
  return rows;
}

const TASKS = {
  async ask(seat) {
    await ask(seat, plan.question);
  },
  async found(seat) {
    const { page } = seat;
    await ask(seat, plan.question);
    // The best answer is selected, and its place is shown below the list.
    await page.waitForTimeout(2000);
    await page.keyboard.press('Enter');
    await page.locator('.quick-input-widget').first().waitFor({ state: 'hidden' });
    await page.locator('.editor-instance > .monaco-editor.focused').waitFor();
  },
  async answer(seat) {
    const rows = await ask(seat, plan.written);
    // It is the last choice, below the visible ones.
    await seat.page.locator('.quick-input-widget input[type="text"]').first().fill('Write an answer');
    await rows.filter({ hasText: 'Write an answer' }).click();
    seat.page.setDefaultTimeout(PATIENCE);
    await seat.page.locator('.tab.active').filter({ hasText: 'Answer' }).waitFor();
    const frame = await seat.window.panel('answer');
    await frame.locator('.quiet').filter({ hasText: 'wrote this. Check it' }).waitFor();
  },
  async predict({ window, page }) {
    const words = plan.before.replace(/\W/g, '');
    // The cursor goes to the word before which the model predicts.
    const text = (await window.lines()).map((line) => line.text).find((line) => line.includes(`_${words}(`));
    await window.quick('Control+G', `:${plan.line}:${text.indexOf(`${words}(`) + 1}`);
    await page.keyboard.press('Enter');
    await until(
      'the list',
      async () => {
        await window.command('Fovea: Predict What Comes Next Here');
        const list = page.locator('.quick-input-title').filter({ hasText: 'What comes next' });
        return list.waitFor({ timeout: 20_000 }).then(() => true, () => false);
      },
      PATIENCE,
    );
    const first = page.locator('.quick-input-list .monaco-list-row').first();
    await first.filter({ hasText: /[+-]\d+\.\d\d/ }).waitFor({ timeout: PATIENCE });
  },
  async why(seat) {
    await TASKS.predict(seat);
    await seat.page.keyboard.press('Enter');
    await seat.page.locator('.quick-input-widget').first().waitFor({ state: 'hidden' });
  },
  async class({ page }) {
    // Lenses of lines that are not on the screen are hidden.
    const lenses = page.locator('.codelens-decoration a:visible').filter({ hasText: /session\s*[.]\d/ });
    await lenses.last().waitFor();
    return lenses.last();
  },
  async classify(seat) {
    await (await TASKS.class(seat)).click();
    await seat.page.locator('.quick-input-list .monaco-list-row').first().waitFor();
  },
  async surprisal({ window, page }) {
    await window.set({ 'fovea.index.enable': false, 'fovea.heat.preset': 'full', 'fovea.method': 'surprisal', 'fovea.model.dir': model });
    await until('the method', async () => (await window.state()).known?.status?.method === 'surprisal', PATIENCE).catch(() => undefined);
    // The marks of the old method remain until there are new ones.
    await page.waitForTimeout(20_000);
  },
};

const shots = Object.entries(TASKS).map(([task, go]) => ({
  name: `vscode-${task}`,
  repository: plan.subject.repository,
  take: async (seat) => {
    await seat.window.set({ 'fovea.classify.probe': task.startsWith('class') ? probe : null });
    await ready(seat, plan.subject, plan.line);
    await go(seat);
    // Previews, lenses and marks follow.
    await seat.page.waitForTimeout(2500);
  },
}));
const settings = { 'fovea.model.generator': model };
await pictured({ fovea, clients: join(root, 'editors'), editors, repositories, folder, wanted, settings, height: 640 }, shots);
