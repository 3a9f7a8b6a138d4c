// Beside another server: its own features still work.
const assert = require('node:assert/strict');
const vscode = require('vscode');

const { find, foveaHover, hovers, lenses, open, similarLenses, test, until } = require('./session');

exports.run = async () => {
  await test('beside another server both hovers are shown', async () => {
    await vscode.commands.executeCommand('second.start');
    const { document } = await open('src/config.rs');
    const position = find(document, 'load_config', 2);
    await foveaHover(document, position);
    const found = (await hovers(document, position)).join('\n');
    assert.ok(found.includes('second server') && found.includes('command:fovea.'), found);
  });

  await test('beside another server both lenses are shown', async () => {
    const { document } = await open('src/config.rs');
    await similarLenses(document);
    assert.ok((await lenses(document)).some((lens) => lens.command?.title === 'second server: run'));
  });

  await test("beside another server the highlights are those of the other server", async () => {
    const { document } = await open('src/config.rs');
    const position = find(document, 'config.insert', 2);
    const found = await vscode.commands.executeCommand('vscode.executeDocumentHighlights', document.uri, position);
    assert.ok(found.length > 0 && found.every(({ range }) => document.getText(range) === 'config'), JSON.stringify(found));
  });

  await test("beside another server its semantic colors are shown, and Fovea adds none", async () => {
    const { document } = await open('src/config.rs');
    const tokens = await until('semantic tokens', () =>
      vscode.commands.executeCommand('vscode.provideDocumentSemanticTokens', document.uri),
    );
    assert.equal(tokens.data.length % 5, 0);
    assert.equal(tokens.data.length / 5, 2, 'the functions of the file');
    await vscode.commands.executeCommand('second.stop');
  });
};
