// The tests' own extension: it starts the second server, which stands for the language's own, and sets what the tests in the browser
// want to have set (VS Code does not notice quickly that its file of settings was written by somebody else).
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { LanguageClient } = require('vscode-languageclient/node');
const vscode = require('vscode');

let client;

/** Sets what stands in a file, and says so in another. */
async function configure(wishes) {
  const { turn, settings } = JSON.parse(readFileSync(wishes, 'utf8'));
  for (const [name, value] of Object.entries(settings)) {
    await vscode.workspace.getConfiguration().update(name, value ?? undefined, vscode.ConfigurationTarget.Global);
  }
  writeFileSync(`${wishes}.done`, String(turn));
}

function watch(wishes) {
  let last = '';
  let busy = false;
  const look = async () => {
    const now = existsSync(wishes) ? readFileSync(wishes, 'utf8') : '';
    if (now === last || busy) {
      return;
    }
    busy = true;
    await configure(wishes).then(
      () => (last = now),
      () => undefined,
    );
    busy = false;
  };
  const timer = setInterval(() => void look(), 50);
  return new vscode.Disposable(() => clearInterval(timer));
}

exports.activate = (context) => {
  context.subscriptions.push(
    watch(process.env.FOVEA_TEST_WISHES),
    vscode.commands.registerCommand('second.start', async () => {
      const args = [process.env.FOVEA_TEST_SECOND, '--semantic-tokens'];
      const options = { documentSelector: [{ scheme: 'file', language: 'rust' }] };
      client = new LanguageClient('second', 'Second', { command: 'python3', args }, options);
      await client.start();
    }),
    vscode.commands.registerCommand('second.stop', () => client?.stop()),
  );
};
