// Settings of resources, of results on disk, and of the model.
const assert = require('node:assert/strict');
const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { DatabaseSync } = require('node:sqlite');
const vscode = require('vscode');

const session = require('../session');
const { api, having, heat, open, openFiles, reason, running, servers, untitled, until } = session;

const tests = resolve(process.env.FOVEA_TEST_MEMORY, '..');
const index = () => api().status().status?.index;
const indexed = () => until('the index', () => index()?.state === 'ready');

/** Adds new functions to a document, and waits until they are analyzed. */
async function grow(editor, from, count) {
  const more = Array.from({ length: count }, (_, at) => `def sort_${from + at}(shelf):\n    return shelf.books[${from + at}]\n\n`).join('');
  await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), more));
  await heat(editor.document, (shown) => shown.words.length > 0);
}

/** The used bytes of the results file, as its limit counts them. */
function kept() {
  const file = openFiles(servers()[0]).find((path) => path.endsWith('results.sqlite'));
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map((name) => database.prepare(`PRAGMA ${name}`).get()[name]);
    return (pages - free) * size;
  } finally {
    database.close();
  }
}

exports.effects = {
  threads: async () => {
    const threads = () => Number(readFileSync(`/proc/${servers()[0]}/status`, 'utf8').match(/Threads:\s*(\d+)/)[1]);
    const editor = await untitled('');
    const read = async (word) => {
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), `/// Counts the ${word}.\nfn count_${word}() {}\n\n`));
      await heat(editor.document, (shown) => shown.words.length > 0);
      return threads();
    };
    const usual = await read('apples');
    await having('threads', 9, () => until('more threads', async () => (await read('pears')) > usual));
    await until('threads as before', async () => (await read('plums')) <= usual);
  },

  debounceMs: async () => {
    const editor = await open('src/config.rs');
    await heat(editor.document);
    await having('debounceMs', 1500, async () => {
      await editor.edit((edit) => edit.insert(new vscode.Position(2, 0), '// a word more\n'));
      const typed = Date.now();
      await heat(editor.document);
      assert.ok(Date.now() - typed >= 1400, `the heat came after ${Date.now() - typed} ms`);
    });
    await editor.edit((edit) => edit.delete(new vscode.Range(2, 0, 3, 0)));
    await heat(editor.document);
  },

  'index.enable': async () => {
    await indexed();
    await having('index.enable', false, () => until('no index', () => index() === undefined));
    await indexed();
  },

  'index.onBattery': async () => {
    const battery = join(process.env.FOVEA_POWER_SUPPLY, 'BAT0');
    await indexed();
    mkdirSync(battery, { recursive: true });
    writeFileSync(join(battery, 'type'), 'Battery\n');
    writeFileSync(join(battery, 'status'), 'Discharging\n');
    try {
      await vscode.commands.executeCommand('fovea.updateIndex');
      await until('an index that waits', () => index()?.state === 'battery');
      await reason(/waits until the machine is plugged in/);
      await having('index.onBattery', true, indexed);
      await until('an index that waits again', () => index()?.state === 'battery');
    } finally {
      rmSync(battery, { recursive: true });
    }
    await vscode.commands.executeCommand('fovea.updateIndex');
    await indexed();
  },

  'cache.disk': async () => {
    const isKept = () => openFiles(servers()[0]).some((path) => path.includes('results.sqlite'));
    await until('the results file', isKept);
    await having('cache.disk', false, () => until('no results file', () => !isKept()));
    await until('the results file again', isKept);
  },

  'cache.diskMegabytes': async () => {
    const megabyte = 1 << 20;
    const editor = await untitled('', 'python');
    let functions = 0;
    const more = async (count) => {
      await grow(editor, functions, count);
      functions += count;
      return kept();
    };
    await until(() => `more than a megabyte of results: ${kept()}`, async () => (await more(60)) > megabyte);
    // The server checks the limit when it writes.
    await having('cache.diskMegabytes', 1, () => until(() => `the limit: ${kept()}`, async () => (await more(1)) < megabyte));
  },

  'classify.probe': async () => {
    await having('classify.probe', '/nowhere.json', () =>
      until('the error', () => api().status().status?.message?.includes('/nowhere.json does not exist; make it with')),
    );
    await running();
  },

  'model.generator': async () => {
    const ask = () => vscode.commands.executeCommand('fovea.ask', 'how is the median of numbers computed?');
    const writes = async () => (await ask())?.writes === true;
    assert.equal(await writes(), false);
    await having('model.generator', resolve(tests, '../fixtures/tiny-chat'), () => until('a model that writes', writes));
    await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
  },

  'model.dir': async () => {
    await having('model.dir', '/nonexistent/model', async () => {
      await until('the failure', () => api().status().status?.state === 'failed');
      assert.match(api().look().lines.join('\n'), /no model[^]*nonexistent/);
    });
    await running();
  },
};
