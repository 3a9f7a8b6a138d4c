// The extension of the second server, which stands for the language's own.
const { LanguageClient } = require('vscode-languageclient/node');
const vscode = require('vscode');

let client;

exports.activate = (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand('second.start', async () => {
      const args = [process.env.FOVEA_TEST_SECOND, '--semantic-tokens'];
      const options = { documentSelector: [{ scheme: 'file', language: 'rust' }] };
      client = new LanguageClient('second', 'Second', { command: 'python3', args }, options);
      await client.start();
    }),
    vscode.commands.registerCommand('second.stop', () => client?.stop()),
  );
};
