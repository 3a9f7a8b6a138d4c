// The keys of the extension, compared with all default keys of VS Code.
const assert = require('node:assert/strict');
const vscode = require('vscode');

const { test } = require('./session');

/** Keys of VS Code on a Mac that the lists of other systems lack. */
const ON_A_MAC = /^(shift\+alt\+[fiaohcr]|shift\+alt\+(up|down|left|right))$/;

/** Parses JSON with comments. */
const parsed = (text) => JSON.parse(text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*/g, (_, string) => string ?? ''));

exports.run = async () => {
  await test('search, similar code and comparison have keys that VS Code uses for nothing else', async () => {
    const { keybindings } = vscode.extensions.getExtension('fovea.fovea').packageJSON.contributes;
    assert.deepEqual(
      keybindings.map(({ command }) => command),
      ['fovea.search', 'fovea.showSimilar', 'fovea.compareHere'],
    );
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse('vscode://defaultsettings/keybindings.json'));
    const defaults = parsed(document.getText());
    assert.ok(defaults.length > 500, `${defaults.length} default keys`);
    for (const { key } of keybindings) {
      // A key that begins a chord would wait for a second key.
      const clashes = defaults.filter((each) => each.key.split(' ')[0] === key && !each.command.startsWith('fovea.'));
      assert.deepEqual(clashes, [], `${key} is taken`);
      assert.ok(!ON_A_MAC.test(key), key);
      assert.ok(defaults.some((each) => each.key === key && each.command.startsWith('fovea.')), `${key} is not a key of Fovea`);
    }
  });
};
