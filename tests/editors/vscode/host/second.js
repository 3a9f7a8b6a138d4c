// The tests' own extension: it starts the second server, which stands for the language's own, makes up a folder, and does what the tests
// in the browser want to have done (VS Code does not notice quickly that its file of settings was written by somebody else).
const { existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { LanguageClient } = require('vscode-languageclient/node');
const vscode = require('vscode');

const { memory } = require('./memory');
const { servers } = require('./servers');

let client;

/** What the tests in the browser may know of the window that they see. */
function state() {
  const api = vscode.extensions.getExtension('fovea.fovea')?.exports;
  return {
    trusted: vscode.workspace.isTrusted,
    folders: (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.toString()),
    known: api?.status(),
    look: api?.look(),
    servers: servers(),
    drawsOn: api?.drawsOn()?.words.map(({ range, strength }) => ({ line: range.start.line, start: range.start.character, strength })),
    top: vscode.window.activeTextEditor?.visibleRanges[0]?.start.line,
  };
}

/** Does what stands in a file, and says in another that it is done. */
async function fulfil(wishes, { turn, settings = {}, open = [], run }) {
  for (const [name, value] of Object.entries(settings)) {
    await vscode.workspace.getConfiguration().update(name, value ?? undefined, vscode.ConfigurationTarget.Global);
  }
  for (const uri of open) {
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(vscode.Uri.parse(uri)), { preview: false });
  }
  if (run) {
    // A command may wait for the person.
    void vscode.commands.executeCommand(...run);
  }
  // At once, since the other side reads it meanwhile.
  writeFileSync(`${wishes}.new`, JSON.stringify({ turn, state: state() }));
  renameSync(`${wishes}.new`, `${wishes}.done`);
}

/** A window that was closed lives on for some seconds; wishes are for the one that is named. */
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
