// Settings of the program and its log; only these restart the server.
const assert = require('node:assert/strict');
const { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const vscode = require('vscode');

const { api, find, having, heat, open, root, running, servers, untitled, until } = require('../session');

/** Runs `body` with a server whose stderr goes to a file. */
async function logging(body) {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-path-'));
  const [program, log] = [join(folder, 'fovea'), join(folder, 'stderr.log')];
  const packed = join(vscode.extensions.getExtension('fovea.fovea').extensionPath, 'bin/fovea');
  writeFileSync(log, '');
  writeFileSync(program, `#!/bin/sh\nexec '${packed}' "$@" 2>>'${log}'\n`);
  chmodSync(program, 0o755);
  const [before] = servers();
  await having('server.path', program, async () => {
    await until('a new server', () => servers().length === 1 && servers()[0] !== before && api().status().life === 'running');
    await running();
    await body({ slow: () => readFileSync(log, 'utf8').split('slow request').length - 1 });
  });
  await running();
  rmSync(folder, { recursive: true });
}

/** Sends a request that takes some milliseconds. */
async function explain(name) {
  const { document } = await untitled(`def ${name}(values):\n    return [value for value in values if ${name} == value]\n`, 'python');
  const range = new vscode.Range(0, 0, 2, 0);
  await vscode.commands.executeCommand('fovea.explainSelection', { uri: document.uri.toString(), range });
}

const slowRequest = (slow, name) =>
  until('a slow request in the log', async () => {
    await explain(name);
    return slow() > 0;
  });

exports.effects = {
  'server.path': async () => {
    const ran = join(mkdtempSync(join(tmpdir(), 'fovea-path-')), 'ran');
    const program = `${ran}.sh`;
    const packed = join(vscode.extensions.getExtension('fovea.fovea').extensionPath, 'bin/fovea');
    writeFileSync(program, `#!/bin/sh\n: >'${ran}'\nexec '${packed}' "$@"\n`, { mode: 0o755 });
    await having('server.path', program, async () => {
      await until('the program of the setting', () => existsSync(ran));
      await running();
    });
    await running();
  },

  'log.level': () =>
    logging(async ({ slow }) => {
      await having('log.slowMs', 1, async () => {
        await explain('keep_apples');
        assert.equal(slow(), 0, 'the log should contain only warnings');
        await having('log.level', 'info', () => slowRequest(slow, 'keep_pears'));
      });
    }),

  'log.slowMs': () =>
    logging(async ({ slow }) => {
      await having('log.level', 'info', async () => {
        await having('log.slowMs', 0, async () => {
          await explain('keep_plums');
          assert.equal(slow(), 0, 'no request should be slow');
        });
        await having('log.slowMs', 1, () => slowRequest(slow, 'keep_quinces'));
      });
    }),

  /** The extension draws these words itself and registers no highlights, so the setting does not exist. */
  'highlight.attention': async () => {
    const folder = join(root.fsPath, '.vscode');
    const there = () => vscode.workspace.getConfiguration('fovea').get('highlight.attention');
    mkdirSync(folder);
    writeFileSync(join(folder, 'settings.json'), '{ "fovea.highlight.attention": "always" }');
    try {
      await until('the setting', () => there() === 'always');
      const { document } = await open('src/config.rs');
      await heat(document);
      const position = find(document, 'load_config', 2);
      const found = (await vscode.commands.executeCommand('vscode.executeDocumentHighlights', document.uri, position)) ?? [];
      assert.ok(found.every(({ range }) => document.getText(range) === 'load_config'), JSON.stringify(found));
    } finally {
      rmSync(folder, { recursive: true });
    }
    await until('no such setting', () => there() === undefined);
  },

  /** The setting does not exist here: the extension would refuse a server with another encoding than UTF-16. */
  positionEncoding: async () => {
    const folder = join(root.fsPath, '.vscode');
    const there = () => vscode.workspace.getConfiguration('fovea').get('positionEncoding');
    mkdirSync(folder);
    writeFileSync(join(folder, 'settings.json'), '{ "fovea.positionEncoding": "utf-8" }');
    try {
      await until('the setting', () => there() === 'utf-8');
      await vscode.commands.executeCommand('fovea.restartServer');
      await running();
      const { document } = await open('src/config.rs');
      const behind = find(document, 'default configuration', 'default '.length);
      await heat(document, (shown) => shown.words.some(({ line, start }) => line === behind.line && start === behind.character));
    } finally {
      rmSync(folder, { recursive: true });
    }
    await until('no such setting', () => there() === undefined);
  },
};
