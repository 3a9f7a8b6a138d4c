// One window of VS Code in the browser, used as a user does: with the screen, the keyboard and the mouse.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { until } from './server.mjs';

const PATIENCE = 30_000;
let turns = 0;

/** The names of VS Code's themes. */
export const THEMES = {
  light: 'Default Light Modern',
  dark: 'Default Dark Modern',
  contrast: 'Default High Contrast',
  'contrast-light': 'Default High Contrast Light',
};

export class Window {
  constructor(context, page, folder, wishes) {
    this.folder = folder;
    this.wishes = wishes;
    this.context = context;
    this.page = page;
    /** Addresses other than the server's that the page requested. */
    this.strangers = [];
    /** Errors of the browser about the policy of a page. */
    this.complaints = [];
    page.setDefaultTimeout(PATIENCE);
    context.on('request', (request) => {
      const url = new URL(request.url());
      // In a web view, files of an extension have addresses of a virtual host, which the window answers itself.
      const own = url.hostname === '127.0.0.1' || url.hostname.endsWith('.vscode-resource.vscode-cdn.net');
      if (/^(https?|wss?):$/.test(url.protocol) && !own) {
        this.strangers.push(request.url());
      }
    });
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) {
        this.complaints.push(message.text());
      }
    });
  }

  /** `scale`: 1.5 is a display at 150 %; `wishes`: the file that the extension host reads, if it belongs to another server. */
  static async open(world, address, { scale = 1, width = 1180, height = 720, wishes = join(world.scratch, 'wishes.json') } = {}) {
    const context = await world.browser.newContext({ viewport: { width, height }, deviceScaleFactor: scale, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const window = new Window(context, page, new URL(address).searchParams.get('folder'), wishes);
    await page.goto(address);
    await page.locator('.monaco-workbench').waitFor();
    await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
    await page.keyboard.press('Control+B');
    await page.locator('.explorer-folders-view').waitFor({ state: 'hidden' });
    return window;
  }

  close() {
    return this.context.close();
  }

  /** Sends a wish to the extension host, and returns its state. */
  async wish(wish) {
    const turn = String(++turns);
    writeFileSync(this.wishes, JSON.stringify({ ...wish, folder: this.folder, turn }));
    return until('the wish', () => {
      const done = existsSync(`${this.wishes}.done`) && JSON.parse(readFileSync(`${this.wishes}.done`, 'utf8'));
      return done?.turn === turn && done.state;
    });
  }

  state() {
    return this.wish({});
  }

  /** Changes user settings; null resets one. Waits until the editor has them. */
  set(settings) {
    // See host/settings.js.
    const ignored = (name) => process.env.FOVEA_TEST_IGNORE && new RegExp(process.env.FOVEA_TEST_IGNORE).test(name);
    return this.wish({ settings: Object.fromEntries(Object.entries(settings).filter(([name]) => !ignored(name))) });
  }

  async theme(name) {
    await this.set({ 'workbench.colorTheme': THEMES[name] });
    const kind = { light: 'vs', dark: 'vs-dark', contrast: 'hc-black', 'contrast-light': 'hc-light' }[name];
    await this.page.locator(`.monaco-workbench.${kind}`).waitFor();
  }

  /** Opens a file of the folder by its name, with the keyboard. */
  async file(name) {
    const row = this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: name }).first();
    const tab = this.page.locator('.tab.active').filter({ hasText: name });
    const seen = (locator) => locator.waitFor({ timeout: 5000 }).then(() => true, () => false);
    await until(`the tab of ${name}`, async () => {
      await this.quick('Control+P', name);
      // The list shows recent files first and then what the search finds, so that a click may meet another row, or none.
      await row.click({ timeout: 5000 }).catch(() => undefined);
      return seen(tab);
    });
  }

  /** Opens the quick input with some keys and fills it. */
  async quick(keys, text) {
    const input = this.page.locator('.quick-input-widget:not([style*="display: none"]) input[type="text"]').first();
    await until('the quick input', async () => {
      await this.page.keyboard.press(keys);
      // Pressing the keys again too early would close it.
      return input.waitFor({ timeout: 3000 }).then(
        () => true,
        () => false,
      );
    });
    await input.fill(text);
  }

  async command(title) {
    await this.quick('F1', `>${title}`);
    await this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: title }).first().click();
  }

  /** The visible lines from the top: their text, and their words with heat or boxes. */
  lines() {
    return this.page.evaluate(() => {
      const editor = document.querySelector('.editor-group-container.active .editor-instance .monaco-editor');
      if (!editor) {
        return [];
      }
      const plain = (text) => text.replaceAll('\u00a0', ' ');
      /** The characters of a line with the middle of each, and the color of its text. */
      const characters = (line) =>
        [...line.querySelectorAll('span > span')].flatMap((span) => {
          const { color, filter } = getComputedStyle(span);
          const brightness = Number(filter.match(/brightness\(([\d.]+)\)/)?.[1] ?? 1);
          return [...Array(span.firstChild?.length ?? 0).keys()].map((at) => {
            const range = document.createRange();
            range.setStart(span.firstChild, at);
            range.setEnd(span.firstChild, at + 1);
            const box = range.getBoundingClientRect();
            return { text: span.textContent[at], middle: box.x + box.width / 2, color, brightness };
          });
        });
      const overlays = new Map([...editor.querySelectorAll('.view-overlays > div')].map((row) => [row.style.top, row]));
      return [...editor.querySelectorAll('.view-lines > .view-line')]
        .sort((a, b) => parseInt(a.style.top) - parseInt(b.style.top))
        .map((line) => {
          const drawn = [...(overlays.get(line.style.top)?.querySelectorAll('[class*="TextEditorDecorationType"]') ?? [])];
          const all = drawn.length > 0 ? characters(line) : [];
          const words = drawn.map((tint) => {
            const box = tint.getBoundingClientRect();
            const covered = all.filter(({ middle }) => middle > box.left && middle < box.right);
            const style = getComputedStyle(tint);
            return {
              text: plain(covered.map(({ text }) => text).join('')),
              color: covered[0]?.color,
              // The value of the first character with a color of the theme.
              brightness: covered[0]?.brightness ?? 1,
              box: style.outlineStyle === 'none' ? undefined : style.outlineColor,
              background: style.backgroundColor,
              border: `${style.borderBottomWidth} ${style.borderBottomColor}`,
            };
          });
          const shown = words.filter((word) => word.text !== '');
          return { text: plain(line.textContent), words: shown.filter((word) => !word.box), boxes: shown.filter((word) => word.box) };
        });
    });
  }

  /** Waits until words are drawn, and returns the lines. */
  heat(wanted = (lines) => lines.some((line) => line.words.length > 0)) {
    return until('heat on the screen', async () => {
      const lines = await this.lines();
      return wanted(lines) && lines;
    });
  }

  /** The middle of a word on the screen. */
  async place(word) {
    const found = await until(`${word} on the screen`, () =>
      this.page.evaluate((wanted) => {
        for (const span of document.querySelectorAll('.editor-group-container.active .view-lines span > span')) {
          if (span.textContent.includes(wanted)) {
            const range = document.createRange();
            const at = span.textContent.indexOf(wanted);
            range.setStart(span.firstChild, at);
            range.setEnd(span.firstChild, at + wanted.length);
            const box = range.getBoundingClientRect();
            return box.width > 0 && { x: box.x + box.width / 2, y: box.y + box.height / 2 };
          }
        }
        return undefined;
      }, word),
    );
    return found;
  }

  /** Points at a word until a hover, or an element inside it, has a text. */
  async hover(word, hasText, inside = '') {
    const { x, y } = await this.place(word);
    const found = this.page.locator(`.monaco-hover:not(.hidden)${inside}`).filter({ hasText }).first();
    await until('the hover', async () => {
      await this.page.mouse.move(x - 3, y);
      await this.page.mouse.move(x, y);
      return found.waitFor({ timeout: 1500 }).then(
        () => true,
        () => false,
      );
    });
    return found;
  }

  /** Waits until Fovea's panel shows something of a kind; its frame. */
  panel(kind) {
    return until(`the panel with ${kind}`, async () => {
      for (const frame of this.page.frames()) {
        const found = await frame.$(`main.${kind}[aria-busy="false"]`).catch(() => null);
        if (found) {
          return frame;
        }
      }
      return undefined;
    });
  }

  /** The latest notifications of the editor. */
  async notifications() {
    await this.command('Notifications: Show Notifications');
    const center = this.page.locator('.notifications-center.visible');
    await center.waitFor({ timeout: 2000 });
    const text = await center.innerText();
    await this.command('Notifications: Hide Notifications');
    return text.replaceAll('\n', ' ');
  }

  async picture(path, clip) {
    await this.page.screenshot({ path, ...(clip ? { clip } : {}) });
  }
}
