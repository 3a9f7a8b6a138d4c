// Functions of the panel, and the legibility of text on colors, tested without an editor.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Loads the functions under test from the extension's sources. */
async function loaded({ root, scratch, esbuild }, path) {
  const { build } = createRequire(import.meta.url)(esbuild);
  const outfile = join(scratch, `${path.replaceAll('/', '-')}.mjs`);
  await build({ entryPoints: [join(root, 'editors/vscode/src', `${path}.ts`)], bundle: true, format: 'esm', outfile, logLevel: 'error' });
  return import(outfile);
}

/** The words of an ASCII text as the server sends them. */
function placed(text, score) {
  return [...text.matchAll(/\w+/g)].map((word) => {
    const [start, end] = [word.index, word.index + word[0].length].map((byte) => ({ byte, line: 0, column: byte }));
    return { text: word[0], start, end, score };
  });
}

export async function panelTests(world, { test }) {
  const { pairView } = await loaded(world, 'panel/views');
  const { dedented, nameOf, rankInWords } = await loaded(world, 'panel/text');
  const { brightness, parsed } = await loaded(world, 'heat/legible');
  const { pieces } = await loaded(world, 'webview/syntax');

  const sides = ['def load(path):\n        return read(path)', 'def open(path):\n        return load(path)'];
  const told = sides.map((text, index) => ({ title: `side ${index}`, place: 'a.py:1', language: 'python', text }));
  const compared = sides.map((text) => ({ words: placed(text, 0.1), special: 0.01, bias: 0.02, coverage: 1 }));
  const common = { cosine: 0.8, residual: 1e-7, a: compared[0], b: compared[1], alignment: [], centered: null, ms: 3 };

  await test('if a server sends only the matrix, shared words and rows come from it', () => {
    const pairs = compared[0].words.map((one) => compared[1].words.map((other) => (one.text === other.text ? 0.1 : 0)));
    const withMore = [...pairs.map((row) => [...row, 0.01, 0.02]), compared[1].words.map(() => 0), compared[1].words.map(() => 0)];
    const view = pairView(told[0], told[1], { ...common, pairs: withMore }, 1);
    assert.equal(view.summary, 'Both are about `path` and `load`.');
    assert.deepEqual(view.shared.map(({ text }) => text), ['path', 'load'], 'keywords should not be shared words');
    assert.deepEqual(view.pairs, pairs);
    assert.deepEqual(view.shared[0].a.map((index) => compared[0].words[index].text), ['path', 'path']);
  });

  await test('the shared words of the server are used unchanged, and rows are requested', () => {
    const shared = [{ a: [1], b: [1], text: 'load ~ open', score: 0.2 }];
    const view = pairView(told[0], told[1], { ...common, summary: 'Both read.', shared }, 1);
    assert.deepEqual([view.summary, view.shared, view.pairs], ['Both read.', shared, null]);
    assert.ok(view.details.some(([name]) => name.startsWith('Biases')));
  });

  await test('a passage loses the indentation that all of its lines share, and its words move along', () => {
    for (const [text, wanted] of [
      ['def a():\n        return 1\n\n        # b', 'def a():\n    return 1\n\n    # b'],
      ['    if x:\n      y', 'if x:\n  y'],
      ['fn a() {\n        b();\n    }', 'fn a() {\n    b();\n}'],
      ['one line', 'one line'],
      ['\tx\n\t\ty', 'x\n\ty'],
      ['def a():\n    return 1', 'def a():\n    return 1'],
      ['def a(\n        b,\n    ) -> C:\n        return b', 'def a(\n    b,\n) -> C:\n    return b'],
    ]) {
      const found = dedented(text);
      assert.equal(found.text, wanted);
      for (const word of text.matchAll(/\w+/g)) {
        assert.equal(found.text.slice(found.moved(word.index), found.moved(word.index + word[0].length)), word[0], text);
      }
    }
  });

  await test('a passage has the name of its definition', () => {
    for (const [text, name] of [
      ['/// Reads.\npub fn load_config(path: &Path) -> Config {', 'load_config'],
      ['@property\ndef permanent(self):\n    return 1', 'permanent'],
      ['app.set = function set(name) {', 'app.set'],
      ['/**\n * Adds.\n */\nconst add = (a, b) => a + b;', 'add'],
      ['static int parse_line(char *line) {', 'parse_line'],
      ['x + y', 'x + y'],
    ]) {
      assert.equal(nameOf(text), name);
    }
    assert.equal(nameOf('a '.repeat(80)).length <= 50, true);
  });

  await test('ranks are written in words', () => {
    assert.deepEqual([1, 3, 7].map((rank) => rankInWords(rank, 40)), [
      'the most telling word',
      'the third most telling word',
      'number 7 of the 40 words, most telling first',
    ]);
  });

  await test('code has colors for comments, strings, numbers and keywords, and prose has none', () => {
    const kinds = (text, language) => pieces(text, language).map(({ start, end, kind }) => `${kind} ${text.slice(start, end)}`);
    assert.deepEqual(kinds('return "a#b" # c\nx.class = 12', 'python'), ['keyword return', 'string "a#b"', 'comment # c', 'number 12']);
    assert.deepEqual(kinds('let a = /* b\nc */ 1; // d', 'rust'), ['keyword let', 'comment /* b\nc */', 'number 1', 'comment // d']);
    assert.deepEqual(kinds('return to "it"', 'markdown'), []);
  });

  await test('text on colors becomes as bright as its theme needs, and no brighter', () => {
    const theme = (comment) => ({ colors: { 'editor.background': '#1f1f1f', 'editor.foreground': '#cccccc' }, tokenColors: [{ scope: 'comment', settings: { foreground: comment } }] });
    const tints = ['#6325a97c'];
    assert.equal(brightness(theme('#b0d0a0'), false, tints), 1);
    assert.ok(brightness(theme('#6a9955'), false, tints) > 1);
    assert.ok(brightness({ colors: {}, tokenColors: [{ scope: 'comment', settings: { foreground: '#008000' } }] }, true, ['#9e7dff58']) < 1);
    assert.equal(brightness(theme('#900000'), false, tints), 1, 'dark red cannot become legible and should not change the other colors');
    assert.deepEqual(parsed('// a\n{ "a": "//b", /* c */ "d": [1, 2,], }'), { a: '//b', d: [1, 2] });
  });
}
