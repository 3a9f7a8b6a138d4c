// Heat, hover, highlights and the status bar.
const assert = require('node:assert/strict');
const vscode = require('vscode');

const { api, file, find, foveaHover, having, heat, open, running, test, until, untitled, words } = require('./session');

exports.run = async () => {
  await test('the extension starts its server automatically, and the status bar names model and method', async () => {
    const extension = await until('the extension', () => vscode.extensions.getExtension('fovea.fovea'));
    await until('its activation', () => extension.isActive);
    await running();
    assert.equal(api().look().text, '$(eye) Fovea');
    assert.match(api().look().lines.join('\n'), /all-MiniLM-L6-v2 · decomposition/);
  });

  await test('an opened document gets heat on its few most telling words', async () => {
    const { document } = await open('src/config.rs');
    const shown = words(document, await heat(document));
    assert.ok(shown.every((word) => /^[\p{L}\p{N}_]+$/u.test(word.text)), `not only names: ${JSON.stringify(shown)}`);
    assert.ok(!shown.some((word) => /^(use|pub|fn|let|mut|for|in|if|return|struct|impl)$/.test(word.text)), 'a keyword has heat');
    const filled = Array.from({ length: document.lineCount }, (_, line) => document.lineAt(line)).filter((line) => !line.isEmptyOrWhitespace);
    const marked = new Set(shown.map((word) => word.line)).size / filled.length;
    assert.ok(marked > 0 && marked <= 0.3, `${Math.round(marked * 100)} % of the lines are marked`);
  });

  await test('all words get heat with the preset full, also after wide characters', async () => {
    const { document } = await open('src/config.rs');
    const few = (await heat(document)).words.length;
    await vscode.commands.executeCommand('fovea.setHeat', 'full');
    const all = words(document, await heat(document, (shown) => shown.words.length > 3 * few));
    assert.ok(all.some((word) => word.text === 'load_config' && word.level >= 6), JSON.stringify(all.slice(0, 20)));
    // naïve 🙂 default configuration
    assert.ok(all.some((word) => word.text === 'configuration' && document.lineAt(word.line).text.includes('🙂')));
    await until('the preset in the status bar', () => /colors: full/.test(api().look().lines.join()));
    await vscode.commands.executeCommand('fovea.setHeat', 'quiet');
    await heat(document, (shown) => shown.words.length === few);
  });

  await test('data files get no heat', async () => {
    const { document } = await untitled('{ "session": { "cookie": { "name": "the name of the cookie", "secure": true } } }', 'json');
    const { words: shown } = await heat(document);
    assert.equal(shown.length, 0);
  });

  await test('while typing, unchanged words keep their heat before the new result arrives', async () => {
    const editor = await open('src/config.rs');
    const { document } = editor;
    await vscode.commands.executeCommand('fovea.setHeat', 'full');
    await heat(document, (shown) => words(document, shown).some((word) => word.text === 'load_config'));
    const before = words(document, await heat(document));
    await editor.edit((edit) => edit.insert(new vscode.Position(4, 0), 'use std::env;\n'));
    const old = api().heat(document.uri);
    assert.notEqual(old.version, document.version, 'the result came before the check');
    assert.deepEqual(words(document, old).map((word) => word.text), before.map((word) => word.text));
    await heat(document);
    const at = find(document, 'load_config', 2);
    await editor.edit((edit) => edit.insert(at, 'x'));
    const grown = words(document, api().heat(document.uri));
    assert.ok(grown.some((word) => word.text === 'loxad_config'), 'a word stays one word after an edit inside it');
    await editor.edit((edit) => edit.delete(new vscode.Range(at, at.translate(0, 1))));
    await editor.edit((edit) => edit.delete(new vscode.Range(4, 0, 5, 0)));
    const after = words(document, await heat(document));
    assert.deepEqual(after, before);
    await vscode.commands.executeCommand('fovea.setHeat', 'quiet');
  });

  await test('hover has one sentence with links about a telling word, and nothing about other words', async () => {
    const { document } = await open('src/config.rs');
    const text = await foveaHover(document, find(document, 'load_config', 2));
    const [sentence] = text.split('\n');
    assert.match(sentence, /`load_config` is .*most telling word/);
    assert.ok(!/\d|%|decomposition|rank/.test(sentence), sentence);
    const links = [...text.matchAll(/\]\(command:([\w.]+)\?/g)].map(([, command]) => command);
    assert.ok(links.includes('fovea.why') && links.includes('fovea.trust'), text);
    assert.match(text, /\(command:fovea\.hideHovers/);
    const none = await vscode.commands.executeCommand('vscode.executeHoverProvider', document.uri, find(document, 'let ', 1));
    assert.ok(!none.flatMap((hover) => hover.contents).some((each) => /telling/.test(each.value ?? each)));
  });

  await test('a hover may run only the five commands of Fovea\'s hovers', async () => {
    const { document } = await open('src/config.rs');
    const position = find(document, 'load_config', 2);
    await foveaHover(document, position);
    const found = await vscode.commands.executeCommand('vscode.executeHoverProvider', document.uri, position);
    const ours = found.flatMap((hover) => hover.contents).find((each) => /command:fovea/.test(each.value));
    assert.deepEqual(ours.isTrusted, { enabledCommands: ['fovea.goTo', 'fovea.compareItems', 'fovea.why', 'fovea.trust', 'fovea.hideHovers'] });
  });

  await test('the link to hide hovers turns them off in the user settings', async () => {
    const { document } = await open('src/config.rs');
    const settings = () => vscode.workspace.getConfiguration('fovea').inspect('hover.enable').globalValue;
    await vscode.commands.executeCommand('fovea.hideHovers');
    assert.equal(settings(), false);
    const position = find(document, 'load_config', 2);
    const texts = async () =>
      (await vscode.commands.executeCommand('vscode.executeHoverProvider', document.uri, position)).flatMap((hover) => hover.contents);
    await until('no hover', async () => !(await texts()).some((each) => /telling/.test(each.value ?? each)));
    await vscode.workspace.getConfiguration('fovea').update('hover.enable', undefined, vscode.ConfigurationTarget.Global);
    await foveaHover(document, position);
  });

  await test('after a delay, the words that the word at the cursor draws on get boxes, until the cursor moves', async () => {
    const editor = await open('src/config.rs');
    const position = find(editor.document, 'load_config', 2);
    const move = (to) => vscode.commands.executeCommand('cursorMove', { to, by: 'character', value: 1 });
    editor.selection = new vscode.Selection(position, position);
    await move('right');
    const drawn = await until('boxes', () => api().drawsOn());
    assert.equal(drawn.uri.toString(), editor.document.uri.toString());
    assert.ok(drawn.words.length > 1 && drawn.words.some(({ strength }) => strength === 3), JSON.stringify(drawn));
    assert.ok(drawn.words.every(({ range }) => /^[\p{L}\p{N}_]+$/u.test(editor.document.getText(range)) && !/^(pub|fn|let|use)$/.test(editor.document.getText(range))));
    await move('right');
    assert.equal(api().drawsOn(), undefined, 'the boxes did not disappear when the cursor moved');
    await until('boxes of the new place', () => api().drawsOn());
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '\n'));
    await until('no boxes after an edit', () => !api().drawsOn());
    await editor.edit((edit) => edit.delete(new vscode.Range(0, 0, 1, 0)));
  });

  await test('highlights are those of the editor, and Fovea adds none', async () => {
    const { document } = await open('src/config.rs');
    const position = find(document, 'load_config', 2);
    const found = (await vscode.commands.executeCommand('vscode.executeDocumentHighlights', document.uri, position)) ?? [];
    assert.ok(found.every(({ range }) => document.getText(range) === 'load_config'), JSON.stringify(found));
  });

  await test('a document without a file gets heat, and the output panel gets none', async () => {
    const { document } = await untitled('def parse_headers(lines):\n    """Split header lines into names and values."""\n', 'python');
    await having('heat.preset', 'full', () =>
      heat(document, (shown) => words(document, shown).some((word) => word.text === 'parse_headers')),
    );
    const before = await until('the usual state', () => /colors: quiet/.test(api().look().lines.join()) && api().look());
    await vscode.commands.executeCommand('fovea.showLog');
    const output = await until('the output panel', () => {
      const found = vscode.workspace.textDocuments.filter((each) => each.uri.scheme === 'output');
      return found.length > 0 && found;
    });
    assert.ok(output.every((each) => api().heat(each.uri) === undefined));
    await vscode.commands.executeCommand('workbench.panel.output.focus');
    await until('the focus in Output', () => vscode.window.activeTextEditor?.document.uri.scheme === 'output');
    assert.deepEqual(api().look(), before, 'the status bar changed while Output has the focus');
    await vscode.commands.executeCommand('workbench.action.closePanel');
  });

  await test('text that no model can read is reported, and Chinese is not', async () => {
    const { document } = await untitled('ᛖᚴ ᚺᛚᛖᚹᚨᚷᚨᛊᛏᛁᛉ ᚺᛟᛚᛏᛁᛃᚨᛉ ᚺᛟᚱᚾᚨ ᛏᚨᚹᛁᛞᛟ ᛖᚴ ᚺᛚᛖᚹᚨᚷᚨᛊᛏᛁᛉ', 'plaintext');
    const shown = await heat(document);
    assert.equal(shown.words.length, 0);
    assert.equal(shown.unread, 1);
    const { document: chinese } = await untitled('我爱编程，也爱阅读很多很多的书。这是一个段落，没有任何英文单词。', 'plaintext');
    const read = await heat(chinese);
    assert.equal(read.unread, 0);
  });

  await test('the method can be changed, heat turned off and work paused', async () => {
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
    await until('the state of heat', () => /colors off/.test(api().look().lines.join()));
    await vscode.commands.executeCommand('fovea.toggleHeat');
    await heat(document, (shown) => shown.words.length > 0);
    await vscode.commands.executeCommand('fovea.pause');
    await until('the pause in the status bar', () => /paused/.test(api().look().lines[0]));
    await vscode.commands.executeCommand('fovea.resume');
    await running();
  });

  await test('the status shows the index of the folder', async () => {
    await until('the index', () => api().status().status?.index?.state === 'ready');
    assert.match(api().look().lines.join('\n'), /Fovea can find \d+ functions, types and sections/);
    assert.ok(!/\d/.test(api().look().text), 'the item should not show the number');
  });

  await test('a report contains versions and names of settings, but no text', async () => {
    await open('src/config.rs');
    await vscode.workspace.getConfiguration('fovea').update('excludePatterns', ['**/canary/**'], vscode.ConfigurationTarget.Global);
    await vscode.commands.executeCommand('fovea.copyReport');
    // A browser may refuse the clipboard to a window without focus.
    const report = await api().report();
    await vscode.workspace.getConfiguration('fovea').update('excludePatterns', undefined, vscode.ConfigurationTarget.Global);
    assert.match(report, /model: all-MiniLM-L6-v2/);
    assert.match(report, /settings that differ: .*fovea\.excludePatterns/);
    assert.ok(!/canary|load_config|config\.rs/.test(report), report);
    assert.ok(!report.includes(file('').path));
  });
};
