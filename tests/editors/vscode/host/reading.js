// Heat, hover, highlights and the status bar.
const assert = require('node:assert/strict');
const vscode = require('vscode');

const { api, file, find, foveaHover, heat, open, running, test, until, untitled, words } = require('./session');

exports.run = async () => {
  await test('the extension starts its server by itself and the status bar tells model and method', async () => {
    const extension = await until('the extension', () => vscode.extensions.getExtension('fovea.fovea'));
    await until('its activation', () => extension.isActive);
    await running();
    assert.match(api().look().text, /Fovea decomposition/);
    assert.match(api().look().lines.join('\n'), /all-MiniLM-L6-v2 · decomposition/);
  });

  await test('a document that is opened gets heat on its words, also behind wide characters', async () => {
    const { document } = await open('src/config.rs');
    const shown = words(document, await heat(document));
    assert.ok(shown.some((word) => word.text === 'load_config' && word.level >= 6), JSON.stringify(shown.slice(0, 20)));
    assert.ok(shown.every((word) => word.text !== '' && !/\s/.test(word.text)), 'a word has a space');
    // naïve 🙂 default configuration
    assert.ok(shown.some((word) => word.text === 'configuration' && document.lineAt(word.line).text.includes('🙂')));
  });

  await test('typing keeps the heat of words that are not touched in place, before the new result is there', async () => {
    const editor = await open('src/config.rs');
    const { document } = editor;
    const before = words(document, await heat(document));
    await editor.edit((edit) => edit.insert(new vscode.Position(4, 0), 'use std::env;\n'));
    const old = api().heat(document.uri);
    assert.notEqual(old.version, document.version, 'the result came before anybody could look');
    assert.deepEqual(words(document, old).map((word) => word.text), before.map((word) => word.text));
    await heat(document);
    const at = find(document, 'load_config', 2);
    await editor.edit((edit) => edit.insert(at, 'x'));
    const grown = words(document, api().heat(document.uri));
    assert.ok(grown.some((word) => word.text === 'loxad_config'), 'a word that is edited inside stays one');
    await editor.edit((edit) => edit.delete(new vscode.Range(at, at.translate(0, 1))));
    await editor.edit((edit) => edit.delete(new vscode.Range(4, 0, 5, 0)));
    const after = words(document, await heat(document));
    assert.deepEqual(after, before);
  });

  await test('hover explains a word', async () => {
    const { document } = await open('src/config.rs');
    assert.match(await foveaHover(document, find(document, 'load_config', 2)), /load_config/);
  });

  await test('highlights show what a word draws on', async () => {
    const { document } = await open('src/config.rs');
    const position = find(document, 'load_config', 2);
    const found = await until('highlights', async () => {
      const highlights = await vscode.commands.executeCommand('vscode.executeDocumentHighlights', document.uri, position);
      return highlights?.length > 1 && highlights;
    });
    assert.ok(found.some((highlight) => highlight.kind === vscode.DocumentHighlightKind.Write));
  });

  await test('a document without a file gets heat, the output panel none', async () => {
    const { document } = await untitled('def parse_headers(lines):\n    """Split header lines into names and values."""\n', 'python');
    const shown = words(document, await heat(document));
    assert.ok(shown.some((word) => word.text === 'parse_headers'));
    await vscode.commands.executeCommand('fovea.showLog');
    const output = vscode.workspace.textDocuments.filter((each) => each.uri.scheme === 'output');
    assert.ok(output.every((each) => api().heat(each.uri) === undefined));
    await vscode.commands.executeCommand('workbench.action.closePanel');
  });

  await test('text that the model cannot read is told apart', async () => {
    const { document } = await untitled('我爱编程，也爱阅读很多很多的书。这是一个段落，没有任何英文单词。', 'plaintext');
    const shown = await heat(document);
    assert.equal(shown.words.length, 0);
    assert.equal(shown.unread, 1);
  });

  await test('words can be scored by another method, heat switched off and work paused', async () => {
    const { document } = await open('src/config.rs');
    await vscode.commands.executeCommand('fovea.setMethod', 'norm');
    await heat(document, (shown) => shown.method === 'norm');
    await until('the method in the status bar', () => /norm/.test(api().look().text));
    await vscode.commands.executeCommand('fovea.chooseAttention', { layer: 3, head: 7 });
    await heat(document, (shown) => shown.method === 'attention');
    await until('the map in the status bar', () => /attention L3 H7/.test(api().look().text));
    await vscode.commands.executeCommand('fovea.setMethod', 'decomposition');
    await heat(document, (shown) => shown.method === 'decomposition');
    await vscode.commands.executeCommand('fovea.toggleHeat');
    await heat(document, (shown) => shown.words.length === 0);
    await until('the state of heat', () => /heat off/.test(api().look().lines.join()));
    await vscode.commands.executeCommand('fovea.toggleHeat');
    await heat(document, (shown) => shown.words.length > 0);
    await vscode.commands.executeCommand('fovea.pause');
    await until('the pause in the status bar', () => /paused/.test(api().look().lines[0]));
    await vscode.commands.executeCommand('fovea.resume');
    await running();
  });

  await test('the index of the folder is told of', async () => {
    await until('the index', () => api().status().status?.index?.state === 'ready');
    assert.match(api().look().lines.join('\n'), /\d+ items can be found/);
  });

  await test('a report has versions and names of settings, and no text', async () => {
    await open('src/config.rs');
    await vscode.workspace.getConfiguration('fovea').update('excludePatterns', ['**/canary/**'], vscode.ConfigurationTarget.Global);
    await vscode.commands.executeCommand('fovea.copyReport');
    // A browser may refuse the clipboard to those who do not look at it.
    const report = await api().report();
    await vscode.workspace.getConfiguration('fovea').update('excludePatterns', undefined, vscode.ConfigurationTarget.Global);
    assert.match(report, /model: all-MiniLM-L6-v2/);
    assert.match(report, /settings that differ: .*fovea\.excludePatterns/);
    assert.ok(!/canary|load_config|config\.rs/.test(report), report);
    assert.ok(!report.includes(file('').path));
  });
};
