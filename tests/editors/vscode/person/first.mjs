// A new user of the extension: the hint, the pictures of the extension's page, and four tasks.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { start, until } from '../server.mjs';

const SIGNING = `"""Cookies that nobody can forge."""

import hashlib
import hmac


def sign_cookie(secret: bytes, value: str) -> str:
    """Append a signature to the value of a session cookie, so that changes are noticed."""
    digest = hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()
    return f"{value}.{digest}"


def greet(visitor: str) -> str:
    """Say hello to somebody who visits the page."""
    return f"Hello, {visitor}!"
`;

export async function first({ world, development, open, test }) {
  const scratch = join(world.scratch, 'first');
  const folder = world.workspace('newcomer');
  mkdirSync(scratch);
  writeFileSync(join(folder, 'tools/signing.py'), SIGNING);
  const wishes = join(scratch, 'wishes.json');
  const server = await start({
    editors: world.editors,
    scratch,
    extensions: [world.vsix],
    environment: { ...world.environment, FOVEA_TEST_WISHES: wishes },
  });
  try {
    const seat = await open(server.address(folder, { development }), { wishes });
    await hint(seat, test);
    await extensionPage(seat, world, test);
    await tasks(seat, test);
    await missing(seat, test);
    await seat.window.close();
  } finally {
    await server.stop();
  }
}

const TEXT = 'Fovea marks the words that tell most';

/** The hints among the notifications, which the editor does not show automatically in tests. */
async function hints({ window, page }) {
  await window.wish({ run: ['notifications.showList'] });
  const center = page.locator('.notifications-center.visible');
  await center.waitFor();
  return center.locator('.notification-list-item').filter({ hasText: TEXT });
}

async function hint(seat, test) {
  const { window, page, shot } = seat;
  await test('the first start shows one hint, which opens the walkthrough, and later starts show none', async () => {
    await window.wish({ open: [`file://${window.folder}/src/config.rs`] });
    await window.heat();
    const found = await hints(seat);
    await found.first().waitFor();
    assert.equal(await page.locator('.notifications-center .notification-list-item').count(), 1, 'there is another notification');
    await shot('hint');
    await found.locator('.monaco-button').filter({ hasText: 'Show Me Around' }).click();
    await page.locator('.gettingStartedContainer').filter({ hasText: 'Get Started with Fovea' }).waitFor();
    // The browser keeps the state of extensions.
    await page.reload();
    await page.locator('.monaco-workbench').waitFor();
    await window.wish({ open: [`file://${window.folder}/src/config.rs`] });
    await window.heat();
    assert.equal(await (await hints(seat)).count(), 0);
    await window.wish({ run: ['notifications.hideList'] });
    await window.wish({ run: ['workbench.action.closeAllEditors'] });
    await page.locator('.tab').first().waitFor({ state: 'detached' });
  });
}

async function extensionPage({ window, page, shot }, { root, editors }, test) {
  await test("the extension's page has no broken picture, and with a base address all pictures are below it", async () => {
    await window.wish({ run: ['extension.open', 'fovea.fovea'] });
    const pictures = await until('the page', async () => {
      for (const frame of page.frames()) {
        const found = await frame
          .evaluate(() => /The first minute/.test(document.body.innerText) && [...document.querySelectorAll('img')].map((each) => each.naturalWidth))
          .catch(() => false);
        if (found) {
          return found;
        }
      }
      return undefined;
    });
    assert.ok(pictures.every((width) => width > 0), 'a picture is broken');
    await shot('page');
    const script = [join(root, 'editors/vscode/scripts/readme.mjs'), 'https://example.org/fovea/editors/vscode'];
    const { stdout, status } = spawnSync(join(editors, 'vscode/node/bin/node'), script, { encoding: 'utf8' });
    assert.equal(status, 0);
    const addresses = [...stdout.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, address]) => address);
    assert.ok(addresses.length >= 3, 'the page has too few pictures');
    for (const address of addresses) {
      const path = address.replace('https://example.org/fovea/editors/vscode/', '');
      assert.ok(existsSync(join(root, 'editors/vscode', path)), address);
    }
    await window.wish({ run: ['workbench.action.closeAllEditors'] });
    await page.locator('.tab').first().waitFor({ state: 'detached' });
  });
}

/** Tasks of users, each in at most three actions. */
async function tasks({ window, page, shot }, test) {
  const task = (name, body) =>
    test(`task of a user: ${name}`, async () => {
      await window.wish({ open: [`file://${window.folder}/src/config.rs`] });
      await window.heat();
      await until('the index', async () => (await window.state()).known?.status?.index?.state === 'ready');
      await page.locator('.codelens-decoration a').filter({ hasText: '≈' }).first().waitFor();
      const done = [];
      await body(async (what, action) => {
        done.push(what);
        await action();
      });
      assert.ok(done.length <= 3, `${done.length} actions: ${done.join(', ')}`);
      await window.wish({ run: ['workbench.action.closeAllEditors'] });
    await page.locator('.tab').first().waitFor({ state: 'detached' });
    });

  await task('where are cookies signed?', async (act) => {
    await act('press the key of search', () => page.keyboard.press('Shift+Alt+M'));
    await page.locator('.quick-input-title').filter({ hasText: 'Search by Meaning' }).waitFor();
    await act('describe the function', () => page.keyboard.type('where session cookies are signed'));
    await page.locator('.quick-input-list .monaco-list-row').first().filter({ hasText: 'sign_cookie' }).waitFor();
    await act('accept the first place', () => page.keyboard.press('Enter'));
    await page.locator('.tab.active').filter({ hasText: 'signing.py' }).waitFor();
    await until('its line', async () => (await window.lines()).some((line) => line.text.startsWith('def sign_cookie')));
    // The preview shows the place before it is opened to stay.
    await page.locator('.tab.active .monaco-icon-label:not(.italic)').filter({ hasText: 'signing.py' }).waitFor();
  });

  await task('is this function a copy?', async (act) => {
    const { x, y } = await window.place('load_config');
    await act('click the function', () => page.mouse.click(x, y));
    await act('press the key of the comparison', () => page.keyboard.press('Shift+Alt+W'));
    const row = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'read_settings' });
    if (await Promise.race([row.first().waitFor().then(() => true), window.panel('pair').then(() => false)])) {
      await act('choose the most similar one', () => page.keyboard.press('Enter'));
    }
    const frame = await window.panel('pair');
    assert.match(await frame.locator('h1').innerText(), /load_config and read_settings/);
    assert.match(await frame.locator('.sentence').innerText(), /^Both /);
    await shot('task-copy');
  });

  await task('why does it say so?', async (act) => {
    let link;
    await act('point at the word', async () => {
      link = await window.hover('load_config', 'Why?', ' a');
    });
    await act('click Why?', () => link.click());
    const frame = await window.panel('explanation');
    assert.match(await frame.locator('.sentence').innerText(), /most telling word of load_config\. The model reads it together with/);
    await shot('task-why');
  });

  await task('what do the colors mean?', async (act) => {
    await act('click the item in the status bar', () => page.locator('.statusbar-item[id*="fovea.status"] a').click());
    const entry = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'What do the colors mean?' });
    await entry.waitFor();
    await act('choose the question', () => entry.click());
    const frame = await window.panel('legend');
    assert.match(await frame.locator('main').innerText(), /Violet background: a telling word[^]*Violet box: a related word/);
    const colors = await frame.evaluate(() => [1, 2, 3].map((tone) => getComputedStyle(document.querySelector(`.tone${tone}`)).backgroundColor));
    assert.equal(new Set(colors).size, 3);
    await shot('legend');
  });
}

async function missing({ window, page, shot }, test) {
  await test('a missing program is reported with advice, and changed settings cause no further error', async () => {
    await window.wish({ run: ['notifications.clearAll'] });
    await window.set({ 'fovea.server.path': '/nonexistent/fovea' });
    await until('the failure', async () => (await window.state()).known?.life === 'broken');
    await window.set({ 'fovea.heat.preset': 'full' });
    await window.set({ 'fovea.heat.preset': null });
    await window.wish({ run: ['notifications.showList'] });
    const told = page.locator('.notifications-center .notification-list-item');
    await told.filter({ hasText: 'There is no program at /nonexistent/fovea. Correct the setting fovea.server.path' }).first().waitFor();
    assert.equal(await told.count(), 1, await told.allInnerTexts().then((all) => all.join('; ')));
    assert.deepEqual((await told.locator('.monaco-button').allInnerTexts()).map((text) => text.trim()).filter(Boolean).slice(0, 3), ['Restart', 'Open Setting', 'Show Log']);
    await shot('missing');
    await window.wish({ run: ['notifications.clearAll'] });
    await window.set({ 'fovea.server.path': null });
    await until('a server', async () => (await window.state()).known?.life === 'running');
  });
}
