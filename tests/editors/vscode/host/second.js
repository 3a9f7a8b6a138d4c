// An extension for tests. It starts the second server, which represents the language's own, provides a virtual folder, and executes wishes
// of the tests in the browser. (VS Code is slow to notice that another program changed its settings file.)
const { existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { LanguageClient } = require('vscode-languageclient/node');
const vscode = require('vscode');

const { memory } = require('./memory');
const { servers } = require('./servers');

let client;

/** The state of the window for the tests in the browser. */
function state() {
  const api = vscode.extensions.getExtension('fovea.fovea')?.exports;
  return {
    trusted: vscode.workspace.isTrusted,
    folders: (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.toString()),
    known: api?.status(),
    look: api?.look(),
    servers: servers(),
    // Older versions of the extension, which gallery.mjs shows, do not have it.
    drawsOn: api?.drawsOn?.()?.words.map(({ range, strength }) => ({ line: range.start.line, start: range.start.character, strength })),
    top: vscode.window.activeTextEditor?.visibleRanges[0]?.start.line,
  };
}

/** Executes a wish, and writes the result to a file. */
async function fulfil(wishes, { turn, settings = {}, open = [], run }) {
  for (const [name, value] of Object.entries(settings)) {
    await vscode.workspace.getConfiguration().update(name, value ?? undefined, vscode.ConfigurationTarget.Global);
  }
  for (const uri of open) {
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(vscode.Uri.parse(uri)), { preview: false });
  }
  if (run) {
    // A command may wait for the user.
    void vscode.commands.executeCommand(...run);
  }
  // Renaming is atomic, since the other side may read at the same time.
  writeFileSync(`${wishes}.new`, JSON.stringify({ turn, state: state() }));
  renameSync(`${wishes}.new`, `${wishes}.done`);
}

/** Whether a wish is for this window. A closed window still exists for some seconds. */
const isMeant = ({ folder }) => vscode.workspace.workspaceFolders?.some(({ uri }) => [uri.path, uri.toString()].includes(folder));

function watch(wishes) {
  let last = '';
  let busy = false;
  const look = async () => {
    const now = existsSync(wishes) ? readFileSync(wishes, 'utf8') : '';
    if (now === last || busy || !isMeant(JSON.parse(now))) {
      return;
    }
    busy = true;
    await fulfil(wishes, JSON.parse(now)).then(
      () => (last = now),
      () => undefined,
    );
    busy = false;
  };
  const timer = setInterval(() => void look().catch(() => undefined), 50);
  return new vscode.Disposable(() => clearInterval(timer));
}

exports.activate = (context) => {
  context.subscriptions.push(
    watch(process.env.FOVEA_TEST_WISHES),
    memory(process.env.FOVEA_TEST_MEMORY),
    vscode.commands.registerCommand('second.start', async () => {
      const args = [process.env.FOVEA_TEST_SECOND, '--semantic-tokens'];
      const options = { documentSelector: [{ scheme: 'file', language: 'rust' }] };
      client = new LanguageClient('second', 'Second', { command: 'python3', args }, options);
      await client.start();
    }),
    vscode.commands.registerCommand('second.stop', () => client?.stop()),
  );
};
