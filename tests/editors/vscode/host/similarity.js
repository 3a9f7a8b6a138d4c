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
  await test('a lens leads to a similar function of another file, and its neighbour explains why', async () => {
    const { document } = await open('src/config.rs');
    await heat(document);
    const [lens] = await similarLenses(document);
    assert.match(lens.command.title, /^≈ 0\.\d\d read_settings · src\/settings\.rs/);
    const twin = (await lenses(document)).find((each) => each.command?.title === 'explain' && each.range.isEqual(lens.range));
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

  await test('shares and rest sum to the cosine, raw and without the languages', async () => {
    const view = await pair();
    for (const split of [view.raw, view.centred].filter(Boolean)) {
      const sum = split.pairs.flat().reduce((total, value) => total + value, 0);
      assert.ok(Math.abs(sum - split.cosine) < 1e-3, `${sum} instead of ${split.cosine}`);
      const parts = split.rest.reduce((total, part) => total + part.value, 0);
      assert.ok(Math.abs(parts - split.cosine) < 1e-3, `parts sum to ${parts} instead of ${split.cosine}`);
      assert.equal(split.scores[0].length, view.sides[0].words.length);
    }
  });

  await test('a code action explains the same, and one on a selection explains it', async () => {
    const { document } = await open('src/config.rs');
    const position = find(document, 'read_to_string');
    const range = new vscode.Range(position, position.translate(0, 14));
    const actions = await until('our code actions', async () => {
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

  await test('a selection behind wide characters is explained word by word', async () => {
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

  await test('a document is explained unit by unit', async () => {
    await open('src/config.rs');
    await vscode.commands.executeCommand('fovea.explainDocument');
    const view = await explanation((each) => each.units.length > 1);
    assert.ok(view.units.some((unit) => unit.title === 'function load_config' && unit.text.includes('pub fn load_config')));
    assert.ok(view.units.every((unit) => unit.words.every((_, index) => textOf(unit, index).trim() !== '')));
  });

  await test('two selections are compared one after the other', async () => {
    const select = async (path, from, to) => {
      const editor = await open(path);
      editor.selection = new vscode.Selection(find(editor.document, from), find(editor.document, to));
      await vscode.commands.executeCommand('fovea.comparePassages');
      editor.selection = new vscode.Selection(0, 0, 0, 0);
    };
    await select('tools/preferences.py', 'def median', 'half = ');
    await select('src/config.rs', 'pub fn dot_product', 'let mut sum');
    const view = await pair((each) => each.sides[0].language === 'python');
    assert.equal(view.sides[1].language, 'rust');
    assert.ok(view.sides[0].text.startsWith('def median'));
  });
};
