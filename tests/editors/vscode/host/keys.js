// The keys of the extension, against all that VS Code has by default.
const assert = require('node:assert/strict');
const vscode = require('vscode');

const { test } = require('./session');

/** Keys of VS Code on a Mac that the list of another system lacks. */
const ON_A_MAC = /^(shift\+alt\+[fiaohcr]|shift\+alt\+(up|down|left|right))$/;

/** JSON with comments. */
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
      // The first stroke of a chord would wait for a second one.
      const clashes = defaults.filter((each) => each.key.split(' ')[0] === key && !each.command.startsWith('fovea.'));
      assert.deepEqual(clashes, [], `${key} is taken`);
      assert.ok(!ON_A_MAC.test(key), key);
      assert.ok(defaults.some((each) => each.key === key && each.command.startsWith('fovea.')), `${key} is not ours`);
    }
  });
};
