// Lenses, comparisons, explanations.
const assert = require('node:assert/strict');
const vscode = require('vscode');

const { api, find, heat, open, similarLenses, lenses, test, until } = require('./session');

const pair = (wanted = () => true) =>
  until('the panel with a pair', () => api().panel()?.kind === 'pair' && wanted(api().panel()) && api().panel());
const explanation = (wanted) =>
  until('the panel with an explanation', () => api().panel()?.kind === 'explanation' && wanted(api().panel()) && api().panel());
const textOf = (side, index) => side.text.slice(side.words[index].start, side.words[index].end);

exports.run = async () => {
  await test('a lens leads to a similar function of another file, and its neighbor explains why', async () => {
    const { document } = await open('src/config.rs');
    await heat(document);
    const [lens] = await similarLenses(document);
    assert.match(lens.command.title, /^≈ 0\.\d\d read_settings · src\/settings\.rs/);
    const twin = (await lenses(document)).find((each) => each.command?.title === 'compare' && each.range.isEqual(lens.range));
    const argument = { ...twin.command.arguments[0] };
    argument.similar = argument.similar.slice(0, 1);
    await vscode.commands.executeCommand('fovea.explainSimilarity', argument);
    const view = await pair();
    assert.equal(view.sides[0].title, 'load_config');
    assert.equal(view.sides[1].title, 'read_settings');
    assert.match(view.sides[1].place, /^src\/settings\.rs:\d+$/);
    for (const side of view.sides) {
      assert.ok(side.words.every((word, index) => textOf(side, index).trim() !== '' && word.start < word.end));
    }
  });

  await test('a comparison names the shared words in a sentence, and no keyword, import or bracket first', async () => {
    const view = await pair();
    assert.match(view.summary, /^[A-Z“`].*\.$/s);
    assert.ok(!/\d\.\d|residual|bias|cosine/.test(view.summary), view.summary);
    assert.ok(view.shared.length > 0, 'nothing is shared');
    const [first] = view.shared;
    assert.ok(/^[\p{L}_]\w+/u.test(first.text) && !/^(fn|pub|let|use|use|String|str|usize)$/.test(first.text), first.text);
    assert.ok(first.a.every((index) => textOf(view.sides[0], index) !== '') && first.b.every((index) => textOf(view.sides[1], index) !== ''));
    assert.ok(view.details.some(([name]) => /^Biases/.test(name)) && view.details.some(([name]) => /^Residual/.test(name)));
    assert.equal(view.pairs, null, 'the slow matrix was requested');
  });

  await test('a code action explains the similarity, and one on a selection explains the selection', async () => {
    const { document } = await open('src/config.rs');
    const position = find(document, 'read_to_string');
    const range = new vscode.Range(position, position.translate(0, 14));
    const actions = await until('the code actions of Fovea', async () => {
      const found = await vscode.commands.executeCommand('vscode.executeCodeActionProvider', document.uri, range, 'fovea');
      return found.some((action) => action.title.startsWith('Explain similarity')) && found;
    });
    const compare = actions.find((action) => action.title.startsWith('Explain similarity'));
    await vscode.commands.executeCommand(compare.command.command, ...compare.command.arguments);
    await pair((view) => view.sides[0].text.includes('pub fn load_config'));
    const explain = actions.find((action) => action.title === 'Explain selection');
    await vscode.commands.executeCommand(explain.command.command, ...explain.command.arguments);
    const view = await explanation((each) => each.units.length === 1);
    assert.equal(view.units[0].text, 'read_to_string');
  });

  await test('a selection after wide characters is explained word by word', async () => {
    const editor = await open('src/config.rs');
    const start = find(editor.document, '/// Shown when');
    const end = find(editor.document, 'default configuration";', 'default configuration";'.length);
    editor.selection = new vscode.Selection(start, end);
    await vscode.commands.executeCommand('fovea.explainSelection');
    const view = await explanation((each) => each.units[0].text.includes('🙂'));
    const [unit] = view.units;
    assert.ok(unit.words.some((_, index) => textOf(unit, index) === 'configuration'));
    assert.equal(Math.min(...unit.ranks), 1);
    editor.selection = new vscode.Selection(start, start);
  });

  await test('the answer to why marks the word in its unit, names its rank and the words that the model reads it with, and folds the numbers', async () => {
    const { document } = await open('src/config.rs');
    const at = find(document, 'load_config', 2);
    await vscode.commands.executeCommand('fovea.why', { uri: document.uri.toString(), position: { line: at.line, character: at.character } });
    const view = await explanation((each) => each.units[0]?.asked !== null);
    const [unit] = view.units;
    assert.equal(view.units.length, 1);
    assert.equal(textOf(unit, unit.asked), 'load_config');
    assert.match(unit.answer, /^`load_config` is the .*most telling word of `load_config`\. The model reads it together with `\w+`/);
    assert.ok(unit.related.some((strength) => strength === 3));
    assert.deepEqual(unit.details.map(([name]) => name).slice(0, 3), ['Share of the word', 'Model', 'Method']);
  });

  await test('a link of a hover says whether the explanation can be trusted, with the curve', async () => {
    const { document } = await open('src/config.rs');
    const at = find(document, 'load_config', 2);
    const answer = await vscode.commands.executeCommand('fovea.trust', { uri: document.uri.toString(), position: { line: at.line, character: at.character } });
    assert.match(answer.sentence, /^Removing the \w+ most telling words changes the embedding/);
    const turns = answer.curve.map(([, turn]) => turn);
    assert.ok(turns.length > 1 && turns.at(-1) > turns[0], `${turns}`);
    await vscode.commands.executeCommand('notifications.clearAll');
  });

  await test('a link of a hover goes to a place, and another compares two', async () => {
    const { document } = await open('src/settings.rs');
    const at = find(document, 'read_settings');
    await open('src/config.rs');
    const range = { start: { line: at.line, character: at.character }, end: { line: at.line, character: at.character + 13 } };
    await vscode.commands.executeCommand('fovea.goTo', { uri: document.uri.toString(), range });
    assert.equal(vscode.window.activeTextEditor.document.uri.toString(), document.uri.toString());
    assert.ok(vscode.window.activeTextEditor.selection.active.isEqual(at));
    const { document: other } = await open('tools/preferences.py');
    const whole = (from, to) => ({ start: find(other, from), end: find(other, to) });
    const uri = other.uri.toString();
    await vscode.commands.executeCommand('fovea.compareItems', { a: { uri, range: whole('def median', 'half = ') }, b: { uri, range: whole('def median', 'half = ') } });
    const view = await pair((each) => each.sides.every((side) => side.language === 'python'));
    assert.deepEqual(view.sides.map(({ title }) => title), ['median', 'median']);
  });

  await test('a document is explained unit by unit', async () => {
    await open('src/config.rs');
    await vscode.commands.executeCommand('fovea.explainDocument');
    const view = await explanation((each) => each.units.length > 1);
    assert.ok(view.units.every((unit) => unit.details.some(([name]) => name === 'Method')));
    assert.ok(view.units.some((unit) => unit.title === 'function load_config' && unit.text.includes('pub fn load_config')));
    assert.ok(view.units.every((unit) => unit.words.every((_, index) => textOf(unit, index).trim() !== '')));
  });

  await test('two selections that are chosen one after the other are compared', async () => {
    const select = async (path, from, to) => {
      const editor = await open(path);
      editor.selection = new vscode.Selection(find(editor.document, from), find(editor.document, to));
      await vscode.commands.executeCommand('fovea.comparePassages');
      editor.selection = new vscode.Selection(0, 0, 0, 0);
    };
    await select('tools/preferences.py', 'def median', 'half = ');
    await select('src/config.rs', 'pub fn dot_product', 'let mut sum');
    const view = await pair((each) => each.sides[0].language === 'python');
    assert.equal(view.sides[0].title, 'median');
    assert.equal(view.sides[1].language, 'rust');
    assert.ok(view.sides[0].text.startsWith('def median'));
  });
};
