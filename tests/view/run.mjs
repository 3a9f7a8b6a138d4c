// Drives the page of `fovea view` in Chromium: node run.mjs FOVEA [PICTURES]
//
// The tests use every panel by mouse and keyboard, compute every sum of the steps again from the text of the page, and check each panel
// with axe. Every request to another server is a failure. With PICTURES, a folder, the script makes the pictures of the documentation.
// Needs view/node_modules (npm ci --prefix view) and Chromium. The last line has the number of passed tests.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { panels } from './panels.mjs';
import { speed } from './speed.mjs';
import { checkSteps, number } from './sums.mjs';

const [fovea, pictures] = process.argv.slice(2).map((path) => resolve(path));
if (!fovea) {
  console.error('usage: node run.mjs FOVEA [PICTURES]');
  process.exit(2);
}
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const modules = createRequire(join(root, 'view/node_modules/'));
const { chromium } = modules('playwright-core');
const axe = readFileSync(modules.resolve('axe-core/axe.min.js'), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'fovea-view-'));
const PANELS = ['Attention', 'Step by step', 'Salience', 'Layers', 'What if', 'Generation', 'Similarity', 'Structure'];

const PYTHON = `def load_config(path):
    """Reads the settings of a user."""
    with open(path) as file:
        settings = json.load(file)
    return {name: value for name, value in settings.items() if value is not None}
`;
const DOCUMENTS = {
  'chinese.txt': '我爱编程\n',
  'config.py': PYTHON,
  'bank.md': 'The bank raised its interest rates, so the fishermen on the river bank sold their boats.\n',
  'words.md': 'hello world\n',
  'functions/tools.py': `${PYTHON}

def save_config(path, settings):
    """Writes the settings of a user."""
    with open(path, "w") as file:
        json.dump(settings, file)


def read_user(path):
    with open(path) as file:
        return json.load(file)["user"]


def median(values):
    """The middle of sorted numbers."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
`,
  // One unit for the multilingual model, which has a window of 512 tokens.
  'german.md': `${Array.from({ length: 49 }, (_, at) => `Im Jahr ${1800 + at} baute die Stadt eine neue Brücke über den Fluss und ${at} Häuser.`).join(' ')}\n`,
  'long.py': Array.from({ length: 60 }, (_, at) => `def step_${at}(value):\n    total = value * ${at} + 1\n    print("step", total)\n    return total\n`).join('\n'),
};
for (const [name, text] of Object.entries(DOCUMENTS)) {
  mkdirSync(dirname(join(scratch, name)), { recursive: true });
  writeFileSync(join(scratch, name), text);
}

const children = [];

const environment = { ...process.env, FOVEA_MODEL: '', FOVEA_CACHE_DIR: join(scratch, 'cache') };

/** Starts the program on a document; returns the address of its page. */
async function view(document, model, more = []) {
  const args = ['view', join(scratch, document), '--no-open', ...(model ? ['--model', join(root, model)] : []), ...more];
  const child = spawn(fovea, args, { stdio: ['ignore', 'pipe', 'inherit'], env: environment });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    return line;
  }
  throw new Error('the program ended without an address');
}

const browser = await chromium.launch({
  executablePath: ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path)),
  args: ['--no-sandbox'],
});

/** Opens a page and records its errors and its requests to other servers. */
async function open(address, { hash = '', width = 1280, height = 800, theme = 'light', ...more } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce', ...more });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  // For work on the page: uses the bundle in assets/view instead of the one inside the program.
  if (process.env.FOVEA_VIEW_BUNDLE) {
    for (const [file, contentType] of [['page.js', 'text/javascript'], ['page.css', 'text/css']]) {
      await page.route(`**/${file}`, (route) => route.fulfill({ path: join(root, 'assets/view', file), contentType }));
    }
  }
  const wrong = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && wrong.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  context.on('request', (request) => {
    if (!request.url().startsWith(address) && !/^(data|blob):/.test(request.url())) {
      wrong.push(`stranger: ${request.url()}`);
    }
  });
  await page.goto(address + hash);
  await page.locator('[role=tab]').first().waitFor();
  return { page, close: async () => { await context.close(); same(wrong.join('\n'), '', 'complaints'); } };
}

function same(found, expected, what) {
  if (found !== expected) {
    throw new Error(`${what}: ${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
  }
}

function check(holds, what) {
  if (!holds) {
    throw new Error(what);
  }
}

/** Goes to a panel and waits until it is complete. */
async function panel(page, title) {
  await page.getByRole('tab', { name: title, exact: true }).click();
  await settled(page);
}

async function settled(page) {
  await page.waitForFunction(() => document.querySelector('#panel')?.children.length && !document.querySelector('#panel [role=status], .thumb.empty'));
}

/** Waits until the address has a part: the page writes it a moment after the change. */
async function addressed(page, part) {
  await page.waitForURL((url) => url.hash.includes(part)).catch(() => check(false, `no ${part} in ${page.url()}`));
}

async function judged(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const said = violations.map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
  same(said.join('\n'), '', `axe on ${what}`);
}

const TESTS = {
  async 'the tabs lead to every panel by mouse and by keyboard, and no panel is empty'() {
    const { page, close } = await open(await view('bank.md'));
    for (const title of PANELS) {
      await panel(page, title);
      // Generation and similarity say why they have no content.
      check((await page.locator('#panel').innerText()).length > 100, `${title} is empty`);
    }
    await page.getByRole('tab', { name: 'Structure' }).focus();
    await page.keyboard.press('ArrowRight');
    same(await page.locator('[role=tab][aria-selected=true]').innerText(), 'Attention', 'the tab after the last one');
    await page.keyboard.press('End');
    same(await page.locator(':focus').innerText(), 'Structure', 'the tab after the key End');
    await close();
  },

  async 'every family has every panel that means something for it, and the others say why they are empty'() {
    const models = [['the embedded model'], ['the multilingual model', 'chinese.txt'], ['a GPT-2', 'words.md', 'tests/fixtures/tiny-gpt2'], ['a Gemma', 'words.md', 'tests/fixtures/tiny-gemma'], ['a T5', 'words.md', 'tests/fixtures/tiny-t5']];
    // What a model does without says so in a sentence of its own.
    const without = { Generation: ['the embedded model', 'the multilingual model'], Similarity: ['the multilingual model', 'a GPT-2', 'a Gemma', 'a T5'] };
    for (const [name, document = 'functions/tools.py', model] of models) {
      const { page, close } = await open(await view(document, model));
      for (const title of PANELS) {
        await panel(page, title);
        same(await page.locator('#panel [role=alert]').count(), 0, `${name}, ${title}`);
        const said = await page.locator('#panel').innerText();
        check(said.length > 60, `${name}, ${title} is empty`);
        const numbers = await page.locator('#panel .num, #panel table, #panel canvas, #panel .thumb, #panel button').count();
        same(numbers === 0, without[title]?.includes(name) ?? false, `${name} lacks ${title}: ${said.slice(0, 80)}`);
      }
      await close();
    }
  },

  async 'the panel shows all heads, and can order them by a pattern'() {
    const { page, close } = await open(await view('bank.md'));
    await settled(page);
    same(await page.locator('.grid .thumb').count(), 72, 'heads');
    await page.getByLabel('Order').selectOption('previous');
    const shares = await page.locator('.sorted .thumb-note b').allInnerTexts();
    const numbers = shares.map((share) => Number.parseInt(share, 10));
    check(numbers.length === 72 && numbers.every((share, at) => at === 0 || share <= numbers[at - 1]), 'heads are not in order');
    check(numbers[0] >= 80, `no head of MiniLM attends to the token before: ${numbers[0]}`);
    await page.locator('.sorted .thumb').first().click();
    check((await page.locator('.chosen-head').innerText()).includes('the token before'), 'the description of the head does not name the token before');
    await page.getByLabel('Order').selectOption('layer');
    await page.locator('#head-2-3').click();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    check((await page.locator('.chosen-head h2').innerText()) === 'Layer 3, head 4', 'arrow keys do not change the head');
    await close();
  },

  async 'the matrix, the arcs and the pair have the numbers of the program'() {
    const address = await view('bank.md');
    const { page, close } = await open(address, { hash: '#p=attention&l=1&h=8&t=5&s=6' });
    await settled(page);
    const answer = await (await fetch(`${address}api/attention/0/1`)).arrayBuffer();
    const maps = new Uint16Array(answer);
    const n = Math.sqrt(maps.length / 12);
    const share = (i, j) => maps[(8 * n + i) * n + j] / 65535;
    const shown = async () => number((await page.locator('.map-cells').getAttribute('aria-valuetext')).match(/: ([\d.−e]+) %/)[1]) / 100;
    check(Math.abs((await shown()) - share(5, 6)) < 1e-4, 'the chosen cell');
    await page.locator('.map-cells').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    check(Math.abs((await shown()) - share(6, 7)) < 1e-4, 'the cell that the arrow keys chose');
    const box = await page.locator('.map-cells').boundingBox();
    await page.mouse.click(box.x + (box.width * 2.5) / n, box.y + (box.height * 3.5) / n);
    check(Math.abs((await shown()) - share(3, 2)) < 1e-4, 'the cell that was clicked');
    await page.locator('.arcs[data-said="3"]').waitFor();
    const tokens = await page.locator('.arcs .token').evaluateAll((all) => all.map((token) => token.title));
    same(tokens.length, n, 'tokens');
    tokens.forEach((title, j) => check(Math.abs(number(title.match(/([\d.−e]+) %$/)[1]) / 100 - share(3, j)) < 1e-4, title));
    check((await page.locator('.arcs path').count()) > 0, 'no arcs');
    await page.locator('.pair summary').click();
    await page.locator('table[data-sum=pair] tbody tr').first().waitFor();
    const rows = await page.locator('table[data-sum=pair] tbody tr').evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
    const product = rows.reduce((total, [, q, k]) => total + number(q) * number(k), 0);
    const room = rows.reduce((total, [, q, k]) => total + 2e-4 * Math.abs(number(q) * number(k)), 1e-6);
    const total = number(await page.locator('table[data-sum=pair] .total').innerText());
    check(rows.length === 32 && Math.abs(product - total) < room, `q·k is ${total} and not ${product}, to ${room}`);
    await page.getByRole('checkbox', { name: 'special tokens' }).uncheck();
    same(await page.locator('.arcs .token').count(), n - 2, 'tokens without special ones');
    check((await page.locator('.chosen-head').innerText()).includes('Hidden special tokens take'), 'the share of hidden tokens is missing');
    await close();
  },

  async 'each step of 我爱编程 can be computed again from the text of the page'() {
    const { page, close } = await open(await view('chinese.txt'), { hash: '#p=steps&t=1&h=3' });
    await settled(page);
    check((await page.locator('body').innerText()).includes('multilingual-e5-small'), 'the page does not name the multilingual model');
    same(await page.locator('.warn').count(), 0, 'warnings');
    let sums = 0;
    for (const layer of [0, 5, 11]) {
      await page.getByRole('spinbutton', { name: 'Layer' }).fill(String(layer));
      sums += await checkSteps(page, settled);
    }
    check(sums > 30, `only ${sums} sums were found`);
    await close();
  },

  async 'the page warns about text that the English model cannot read'() {
    const { page, close } = await open(await view('chinese.txt', 'assets/all-MiniLM-L6-v2'), { hash: '#p=steps&t=1&h=3' });
    await settled(page);
    check((await page.locator('.warn').innerText()).includes('knows only 25 %'), 'there is no warning about the coverage');
    await close();
  },

  async 'each step of a Python function can be computed again, for another head and coordinate'() {
    const { page, close } = await open(await view('config.py'), { hash: '#p=steps&t=7&l=3&h=9&d=17' });
    await settled(page);
    check((await checkSteps(page, settled)) > 10, 'sums');
    await page.getByRole('button', { name: /^Show all/ }).click();
    check((await checkSteps(page, settled)) > 10, 'too few sums with every token');
    await page.getByRole('button', { name: 'On to layer 4' }).click();
    await settled(page);
    same(await page.getByRole('spinbutton', { name: 'Layer' }).inputValue(), '4', 'the next layer');
    await close();
  },

  async 'a decoder with gates, rotations and RMSNorm adds up, and its mask is described'() {
    const { page, close } = await open(await view('bank.md', 'tests/fixtures/tiny-llama'), { hash: '#p=steps&t=3&l=1&h=2' });
    await settled(page);
    check((await checkSteps(page, settled)) > 10, 'sums');
    const said = await page.locator('#panel').innerText();
    check(said.includes('causal') && said.includes('RMSNorm') && said.includes('are hidden from'), 'the mask is not described');
    for (const title of PANELS) {
      await panel(page, title);
    }
    await close();
  },

  async 'two methods are side by side with their difference and the residual'() {
    const { page, close } = await open(await view('bank.md'), { hash: '#p=salience' });
    await settled(page);
    await page.getByLabel('Beside it').selectOption('alti');
    const sum = await page.locator('[data-sum=salience-decomposition] b').allInnerTexts();
    const [words, special, bias, whole] = sum.map(number);
    check(Math.abs(words + special + bias - whole) < 1e-4 && Math.abs(whole - 1) < 1e-3, `${sum} do not sum to 1`);
    const rows = await page.locator('table.words tbody tr').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent).filter(Boolean)));
    same(rows.length, 18, 'words');
    const read = rows.map((row) => row.map((cell) => number(cell.replace(' %', ''))));
    check(read.every(([a, b, difference]) => Math.abs(a - b - difference) < 0.11), 'a difference is not that of both scores');
    check(Math.abs(read.reduce((total, [a]) => total + a, 0) / 100 - words) < 0.01, 'the table lacks words');
    check(read.every(([a], at) => at === 0 || a <= read[at - 1][0]), 'the words are not in order');
    await close();
  },

  async 'each word can be deleted, and the page says how well scores predict the effect'() {
    const address = await view('bank.md');
    const { page, close } = await open(address, { hash: '#p=salience' });
    await settled(page);
    await page.getByRole('button', { name: 'What if each word is deleted?' }).click();
    await page.locator('#panel [role=note]').waitFor();
    const cells = await page.locator('td.without').allInnerTexts();
    same(cells.length, 18, 'words');
    const first = await (await fetch(`${address}api/without/0/9`)).json();
    const row = page.locator('table.words tbody tr').filter({ has: page.getByRole('rowheader', { name: 'fishermen' }) });
    check(Math.abs(number(await row.locator('td.without').innerText()) - first.turned) < 1e-3, 'fishermen');
    const [own] = (await page.locator('#panel [role=note] b').allInnerTexts()).map(number);
    check(own > 0.6, `the correlation of shares and deletion is only ${own}`);
    await judged(page, 'salience with deletions');
    await close();
  },

  async 'shares through the layers sum to one, and a word has its line'() {
    const { page, close } = await open(await view('bank.md'), { hash: '#p=layers' });
    await settled(page);
    const rows = await page.locator('table.heat tbody tr').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent)));
    for (let layer = 0; layer < 7; layer++) {
      const sum = rows.reduce((total, row) => total + number(row[layer].replace(' %', '')), 0);
      check(Math.abs(sum - 100) < 1.1, `layer ${layer} sums to ${sum}`);
    }
    await page.locator('table.heat').getByRole('button', { name: 'raised' }).click();
    same(await page.locator('.chart polyline').count(), 1, 'lines');
    for (const measure of ['drift', 'last', 'norm']) {
      await page.getByLabel('Show').selectOption(measure);
      check((await page.locator('.chart').getAttribute('aria-label')).includes('raised'), measure);
    }
    await close();
  },

  async 'the structure opens to matrices with shapes, and is saved as SVG and Mermaid'() {
    const { page, close } = await open(await view('bank.md'), { hash: '#p=structure' });
    await settled(page);
    await page.locator('.box.embedding > details > summary').click();
    const said = await page.locator('.structure').innerText();
    for (const part of ['30522 × 384', 'Blocks 0 to 5', 'W_Q', '384 × 384', 'softmax']) {
      check(said.includes(part), part);
    }
    for (const [title, begins] of [['SVG', '<svg '], ['Mermaid', 'flowchart TD']]) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: title, exact: true }).click()]);
      check(readFileSync(await download.path(), 'utf8').startsWith(begins), title);
    }
    await close();
  },

  async 'the tour goes through the panels with the numbers of this text'() {
    const { page, close } = await open(await view('bank.md'));
    await page.getByRole('button', { name: 'What is attention?' }).click();
    const tour = page.getByRole('complementary');
    check((await tour.innerText()).includes('384 numbers'), 'the width of a row');
    await judged(page, 'the tour');
    for (let at = 1; at < 6; at++) {
      await tour.getByRole('button', { name: 'Next' }).click();
    }
    await page.locator('#tab-salience[aria-selected=true]').waitFor();
    await page.keyboard.press('Escape');
    same(await tour.count(), 0, 'Escape ends the tour');
    await close();
  },

  async 'axe finds nothing in any panel, light or dark, and a phone needs no sideways scrolling'() {
    const address = await view('config.py');
    for (const theme of ['light', 'dark']) {
      const { page, close } = await open(address, { theme });
      for (const title of PANELS) {
        await panel(page, title);
        await page.locator('summary').evaluateAll((all) => all.forEach((one) => one.parentElement.open || one.click()));
        await settled(page);
        await judged(page, `${title}, ${theme}`);
      }
      await close();
    }
    const { page, close } = await open(address, { width: 360, height: 740 });
    for (const title of PANELS) {
      await panel(page, title);
      const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      check(wide <= room, `${title} is ${wide} wide on a phone of ${room}`);
      await judged(page, `${title} on a phone`);
    }
    await close();
    const strong = await open(address, { contrast: 'more', forcedColors: 'active' });
    for (const title of PANELS) {
      await panel(strong.page, title);
    }
    await strong.close();
  },

  async 'the address contains the selection, and a reload restores it'() {
    const { page, close } = await open(await view('config.py'), { hash: '#p=attention&l=4&h=6&t=3' });
    await settled(page);
    await page.locator('#head-4-6').click();
    await page.reload();
    await settled(page);
    same(await page.locator('.chosen-head h2').innerText(), 'Layer 4, head 6', 'after a reload');
    await addressed(page, 't=3');
    await page.goto(page.url().replace('l=4', 'l=77').replace('h=6', 'h=99'));
    await page.reload();
    await settled(page);
    same(await page.locator('.chosen-head h2').innerText(), 'Layer 5, head 11', 'an address with numbers that are too large');
    await close();
  },

  async 'a file of 300 lines is drawn within a second, and a button goes to the next unit'() {
    const address = await view('long.py');
    const { page, close } = await open(address);
    await settled(page);
    const start = Date.now();
    await page.reload();
    await page.locator('.map-cells').waitFor();
    const milliseconds = Date.now() - start;
    console.log(`     attention of a file of 300 lines: ${milliseconds} ms`);
    check(milliseconds < 1000, `${milliseconds} ms`);
    await page.getByRole('button', { name: 'Next unit' }).click();
    await addressed(page, 'u=1');
    await settled(page);
    await close();
  },

  async 'an exported file works from the disk, without the program and without a network'() {
    const out = join(scratch, 'page.html');
    const done = spawnSync(fovea, ['view', join(scratch, 'bank.md'), '--export', out], { encoding: 'utf8' });
    same(done.status, 0, done.stderr);
    const { page, close } = await open(`file://${out}`, { offline: true });
    for (const title of PANELS) {
      await panel(page, title);
      same(await page.locator('#panel [role=alert]').count(), 0, `${title} lacks something`);
    }
    await page.locator('summary', { hasText: 'W_Q' }).first().click();
    await page.locator('.weights').waitFor();
    await panel(page, 'Step by step');
    check((await checkSteps(page, settled, { only: ['softmax', 'values', 'embedding', 'residual', 'norm', 'neurons', 'output'] })) > 6, 'sums');
    await judged(page, 'the exported file');
    await close();
    // Of a model with a decoder, the decoder's heads and steps are in the file as well.
    const two = spawnSync(fovea, ['view', join(scratch, 'words.md'), '--model', join(root, 'tests/fixtures/tiny-t5'), '--export', out], { encoding: 'utf8' });
    same(two.status, 0, two.stderr);
    const decoder = await open(`file://${out}`, { offline: true, hash: '#p=steps&k=d&l=1&t=1&h=2' });
    await settled(decoder.page);
    same(await decoder.page.locator('#panel [role=alert]').count(), 0, 'the steps of the decoder are missing');
    check((await checkSteps(decoder.page, settled, { only: ['values', 'residual', 'norm'] })) > 2, 'sums of the decoder');
    await panel(decoder.page, 'Attention');
    same(await decoder.page.locator('#panel [role=alert]').count(), 0, 'the heads of the decoder are missing');
    await decoder.close();
  },
};

const more = { fovea, root, scratch, environment, open, view, last: () => children.at(-1), panel, settled, addressed, judged, same, check };
Object.assign(TESTS, panels(more), speed(more));

/** Pictures of the documentation. */
async function draw(folder) {
  const address = await view('bank.md');
  for (const [name, hash, theme, size] of [
    ['view.png', '#p=attention&l=1&h=8&t=5', 'light', [1280, 860]],
    ['view-steps.png', '#p=steps&l=2&h=3&t=3', 'light', [1280, 860]],
    ['view-dark.png', '#p=salience', 'dark', [1280, 800]],
    ['view-what-if.png', '#p=whatif&e=d9,h2.5', 'light', [1280, 860]],
    ['view-structure.png', '#p=structure', 'light', [1280, 860]],
  ]) {
    const { page, close } = await open(address, { hash, theme, width: size[0], height: size[1] });
    await settled(page);
    if (name === 'view-steps.png') {
      await page.locator('[data-step="Scores and softmax"]').evaluate((card) => card.scrollIntoView());
      await page.evaluate(() => scrollBy(0, -70));
    }
    await page.screenshot({ path: join(folder, name) });
    await close();
  }
}

let passed = 0;
let failed = 0;
const only = process.env.FOVEA_TEST_ONLY;
try {
  for (const [name, test] of Object.entries(TESTS)) {
    if (only && !new RegExp(only).test(name)) {
      continue;
    }
    const start = Date.now();
    try {
      await test();
      passed++;
      console.log(`ok   ${name} (${Date.now() - start} ms)`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${name}: ${error.message}`);
    }
    children.splice(0).forEach((child) => child.kill());
  }
  if (pictures) {
    await draw(pictures);
  }
} finally {
  await browser.close();
  children.forEach((child) => child.kill());
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
