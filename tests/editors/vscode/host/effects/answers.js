// Settings of what is shown of an analyzed document, and how.
const assert = require('node:assert/strict');
const vscode = require('vscode');

const session = require('../session');
const { api, find, foveaHover, having, heat, hovers, lenses, open, similarLenses, untitled, until } = session;

const config = async () => (await open('src/config.rs')).document;
/** Runs a command of VS Code that asks all providers about a document. */
const ask = (command, document, ...rest) => vscode.commands.executeCommand(`vscode.${command}`, document.uri, ...rest);
const whole = (document) => new vscode.Range(0, 0, document.lineCount, 0);

/** Whether there are boxes around the words that the word at a position draws on. */
const boxes = async (document, position) => {
  const editor = await open(document.uri);
  editor.selection = new vscode.Selection(position, position);
  await vscode.commands.executeCommand('cursorMove', { to: 'right', by: 'character', value: 1 });
  // Longer than the delay before the request.
  for (let turn = 0; turn < 40 && !api().drawsOn(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return (api().drawsOn()?.words.length ?? 0) > 0;
};
const hints = async (document) =>
  (await ask('executeInlayHintProvider', document, whole(document))).filter((hint) => labelOf(hint).includes('≈'));
const labelOf = ({ label }) => (typeof label === 'string' ? label : label.map(({ value }) => value).join(''));
const colors = (document) => ask('executeDocumentColorProvider', document);
const duplicates = (document) => vscode.languages.getDiagnostics(document.uri).filter(({ source }) => /fovea/i.test(source));

exports.effects = {
  method: async () => {
    const document = await config();
    await having('method', 'attention', () => heat(document, (shown) => shown.method === 'attention'));
    await heat(document, (shown) => shown.method === 'decomposition');
  },

  identifierAware: async () => {
    const document = await config();
    const plain = JSON.stringify((await heat(document, (shown) => shown.method === 'decomposition')).words);
    await having('identifierAware', false, () => heat(document, (shown) => JSON.stringify(shown.words) !== plain));
    await heat(document, (shown) => JSON.stringify(shown.words) === plain);
  },

  'hover.enable': async () => {
    const document = await config();
    const position = find(document, 'load_config', 2);
    await foveaHover(document, position);
    const none = async () => !(await hovers(document, position)).some((text) => text.includes('command:fovea.'));
    await having('hover.enable', false, () => until('no hover', none));
    await foveaHover(document, position);
  },

  'hover.words': async () => {
    const document = await config();
    const position = find(document, 'load_config', 2);
    const names = async () => ((await foveaHover(document, position)).match(/reads it with[^\n]*/i)?.[0].match(/`/g) ?? []).length;
    const many = await until('a hover with sources', async () => {
      const found = await names();
      return found > 2 && found;
    });
    await having('hover.words', 1, () => until('a shorter hover', async () => (await names()) < many));
    await until('a hover as it was', async () => (await names()) === many);
  },

  'hover.details': async () => {
    const document = await config();
    const position = find(document, 'load_config', 2);
    // Links contain other numbers.
    const numbers = async () => /\d %/.test((await foveaHover(document, position)).replace(/\(command:[^)]*\)/g, ''));
    await until('a hover without numbers', async () => !(await numbers()));
    await having('hover.details', true, () => until('numbers', numbers));
    await until('a hover without numbers again', async () => !(await numbers()));
  },

  'hover.deadlineMs': async () => {
    const known = async (word) => {
      // Long enough that its end is not analyzed before the request.
      const functions = Array.from({ length: 60 }, (_, at) => `/// Sends the ${word} number ${at} to the printer queue.\nfn print_${word}_${at}(job: &Job) -> Queue {}\n`);
      const { document } = await untitled(functions.join('\n'));
      return (await hovers(document, find(document, `print_${word}_59`, 2))).some((text) => text.includes('command:fovea.'));
    };
    // Each attempt uses another text: if the editor asks late, a text may already be known.
    let asked = 0;
    const unknown = async () => !(await known(`invoice_${(asked += 1)}`));
    await having('hover.deadlineMs', 0, () => until('a word that has no immediate answer', unknown));
    await having('hover.deadlineMs', 30_000, async () => assert.ok(await known('receipt')));
  },

  'codeLens.enable': async () => {
    const document = await config();
    await similarLenses(document);
    await having('codeLens.enable', false, () => until('no lens', async () => (await lenses(document)).length === 0));
    await similarLenses(document);
  },

  'codeLens.minSimilarity': async () => {
    const document = await config();
    await similarLenses(document);
    await having('codeLens.minSimilarity', 1, () => until('no lens', async () => (await lenses(document)).length === 0));
    await similarLenses(document);
  },

  'lens.detail': async () => {
    const getter = (name) => `fn bar_${name}(bar: &ProgressBar) -> usize { bar.${name}_in_cells }\n`;
    const { document } = await untitled(getter('width') + getter('height'));
    await heat(document);
    await having('lens.detail', 'all', () => until('a lens', async () => (await lenses(document)).length > 0));
    await until('no lens', async () => (await lenses(document)).length === 0);
  },

  'inlayHint.enable': async () => {
    const document = await config();
    await similarLenses(document);
    assert.deepEqual(await hints(document), []);
    await having('inlayHint.enable', true, async () => {
      const [hint] = await until('a hint', async () => (await hints(document)).length > 0 && hints(document));
      assert.match(labelOf(hint), /^≈ 0\.\d\d read_settings/);
    });
    await until('no hint', async () => (await hints(document)).length === 0);
  },

  'documentColor.enable': async () => {
    const document = await config();
    await heat(document);
    assert.deepEqual(await colors(document), []);
    await having('documentColor.enable', true, async () => {
      const found = await until('colors', async () => (await colors(document)).length > 0 && colors(document));
      assert.ok(found.some(({ range }) => document.getText(range) === 'configuration'), JSON.stringify(found));
    });
    await until('no color', async () => (await colors(document)).length === 0);
  },

  'diagnostics.enable': async () => {
    const document = await config();
    await similarLenses(document);
    await having('diagnostics.minSimilarity', 0.8, async () => {
      assert.deepEqual(duplicates(document), []);
      await having('diagnostics.enable', true, async () => {
        const [found] = await until('a diagnostic', () => duplicates(document).length > 0 && duplicates(document));
        assert.equal(found.severity, vscode.DiagnosticSeverity.Hint);
        assert.match(found.message, /read_settings/);
      });
      await until('no diagnostic', () => duplicates(document).length === 0);
    });
  },

  'diagnostics.minSimilarity': async () => {
    const document = await config();
    await similarLenses(document);
    await having('diagnostics.enable', true, async () => {
      await having('diagnostics.minSimilarity', 0.8, () => until('a diagnostic', () => duplicates(document).length > 0));
      await having('diagnostics.minSimilarity', 1, () => until('no diagnostic', () => duplicates(document).length === 0));
    });
  },

  'highlight.enable': async () => {
    const document = await config();
    const ours = () => boxes(document, find(document, 'load_config', 2));
    await until('boxes', ours);
    await having('highlight.enable', false, () => until('no boxes', async () => !(await ours())));
    await until('boxes again', ours);
  },

  'heat.preset': async () => {
    const document = await config();
    const few = (await heat(document, (shown) => shown.words.length > 0)).words.length;
    await having('heat.preset', 'full', () => heat(document, (shown) => shown.words.length > 3 * few));
    await having('heat.preset', 'off', () => heat(document, (shown) => shown.words.length === 0));
    await heat(document, (shown) => shown.words.length === few);
  },

  'heat.enable': async () => {
    const document = await config();
    await heat(document, (shown) => shown.words.length > 0);
    await having('heat.enable', false, () => heat(document, (shown) => shown.words.length === 0));
    await heat(document, (shown) => shown.words.length > 0);
  },

  'client.explainLens': async () => {
    const document = await config();
    const explains = async () => (await lenses(document)).some((lens) => lens.command?.title === 'compare');
    await until('a lens that explains', explains);
    await having('client.explainLens', false, async () => {
      await similarLenses(document);
      await until('only one lens', async () => !(await explains()));
    });
    await until('a lens that explains again', explains);
  },
};
