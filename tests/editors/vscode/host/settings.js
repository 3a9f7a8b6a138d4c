// Each setting takes effect at once, without a restart. (`index.onBattery` shows on a battery alone; the rest of `client` in person.mjs.)
const assert = require('node:assert/strict');
const { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const vscode = require('vscode');

const session = require('./session');
const { api, find, foveaHover, having, heat, hovers, lenses, open, openFiles, running, servers, set, similarLenses, test, until } = session;
const { untitled } = session;

const reason = (wanted) => until('the reason in the status bar', () => wanted.test(api().look().lines.join('\n')));

/** The document is not analysed, for a reason, and is again when the setting is taken back. */
const inactive = (name, value, wanted) =>
  test(`fovea.${name} takes effect at once`, async () => {
    const { document } = await open('src/config.rs');
    await heat(document, (shown) => shown.words.length > 0);
    await having(name, value, async () => {
      await reason(wanted);
      await heat(document, (shown) => shown.words.length === 0);
    });
    await heat(document, (shown) => shown.words.length > 0);
    await until('an analysed document', () => /^Fovea/.test(api().look().lines[0]));
  });

exports.run = async () => {
  const [pid] = servers();
  await inactive('enable', false, /not analysed[^]*(off|disabled|enable)/i);
  await inactive('languages', ['python'], /not analysed[^]*languages/);
  await inactive('excludePatterns', ['**/config.rs'], /not analysed[^]*excludePatterns|not analysed[^]*config\.rs/);
  await inactive('maxFileBytes', 1000, /not analysed[^]*1000|not analysed[^]*maxFileBytes/);

  await test('fovea.maxLineBytes takes effect at once', async () => {
    const { document } = await untitled(`# ${'words and words '.repeat(10)}`, 'python');
    await heat(document, (shown) => shown.words.length > 0);
    await having('maxLineBytes', 100, () => reason(/not analysed/));
    await heat(document, (shown) => shown.words.length > 0);
  });

  await test('fovea.method and fovea.identifierAware take effect at once', async () => {
    const { document } = await open('src/config.rs');
    const plain = JSON.stringify((await heat(document)).words);
    await having('method', 'attention', () => heat(document, (shown) => shown.method === 'attention'));
    await heat(document, (shown) => shown.method === 'decomposition');
    await having('identifierAware', false, () => heat(document, (shown) => JSON.stringify(shown.words) !== plain));
    await heat(document, (shown) => JSON.stringify(shown.words) === plain);
  });

  await test('fovea.debounceMs holds back what is typed', async () => {
    const editor = await open('src/config.rs');
    await heat(editor.document);
    await having('debounceMs', 1500, async () => {
      await editor.edit((edit) => edit.insert(new vscode.Position(2, 0), '// a word more\n'));
      const typed = Date.now();
      await heat(editor.document);
      assert.ok(Date.now() - typed >= 1400, `the heat came after ${Date.now() - typed} ms`);
    });
    await editor.edit((edit) => edit.delete(new vscode.Range(2, 0, 3, 0)));
    await heat(editor.document);
  });

  await test('fovea.hover.enable and fovea.hover.words take effect at once', async () => {
    const { document } = await open('src/config.rs');
    const position = find(document, 'load_config', 2);
    const names = (text) => (text.match(/draws on[^\n]*/i)?.[0].match(/`/g) ?? []).length;
    const many = await until('a hover with sources', async () => {
      const text = await foveaHover(document, position);
      return names(text) > 2 && text;
    });
    await having('hover.words', 1, () => until('a shorter hover', async () => names(await foveaHover(document, position)) < names(many)));
    await having('hover.enable', false, () =>
      until('no hover', async () => !(await hovers(document, position)).some((text) => text.includes('Fovea'))),
    );
  });

  await test('fovea.hover.deadlineMs bounds what a highlight may wait', async () => {
    const highlights = async (word) => {
      const { document } = await untitled(`/// Sends the ${word} to the printer queue.\nfn print_${word}(job: &Job) -> Queue {}\n`);
      const position = find(document, `print_${word}`, 2);
      return vscode.commands.executeCommand('vscode.executeDocumentHighlights', document.uri, position);
    };
    // The editor's own marks of equal words, of one kind, take the place of ours that are missing.
    const isOurs = (found) => found.some((each) => each.kind === vscode.DocumentHighlightKind.Write);
    await having('hover.deadlineMs', 0, async () => assert.ok(!isOurs(await highlights('invoice'))));
    await having('hover.deadlineMs', 30_000, async () => assert.ok(isOurs(await highlights('receipt'))));
  });

  await test('fovea.codeLens.enable and fovea.codeLens.minSimilarity take effect at once', async () => {
    const { document } = await open('src/config.rs');
    await similarLenses(document);
    const none = () => until('no lens', async () => (await lenses(document)).length === 0);
    await having('codeLens.enable', false, none);
    await similarLenses(document);
    await having('codeLens.minSimilarity', 1, none);
    await similarLenses(document);
  });

  await test('fovea.highlight.enable and fovea.heat.enable take effect at once', async () => {
    const { document } = await open('src/config.rs');
    const isOurs = async () => {
      const position = find(document, 'load_config', 2);
      const found = await vscode.commands.executeCommand('vscode.executeDocumentHighlights', document.uri, position);
      return found.some((each) => each.kind === vscode.DocumentHighlightKind.Write);
    };
    await until('highlights', isOurs);
    await having('highlight.enable', false, () => until('no highlights', async () => !(await isOurs())));
    await having('heat.enable', false, () => heat(document, (shown) => shown.words.length === 0));
    await heat(document, (shown) => shown.words.length > 0);
  });

  await test('fovea.index.enable takes effect at once', async () => {
    await having('index.enable', false, () => until('no index', () => api().status().status?.index === undefined));
    await until('the index', () => api().status().status?.index?.state === 'ready');
  });

  await test('fovea.threads takes effect at once', async () => {
    const threads = () => Number(readFileSync(`/proc/${servers()[0]}/status`, 'utf8').match(/Threads:\s*(\d+)/)[1]);
    const editor = await untitled('');
    const read = async (word) => {
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), `/// Counts the ${word}.\nfn count_${word}() {}\n\n`));
      await heat(editor.document, (shown) => shown.words.length > 0);
      return threads();
    };
    const usual = await read('apples');
    await having('threads', 9, () => until('more threads', async () => (await read('pears')) > usual));
  });

  await test('fovea.cache.disk takes effect at once', async () => {
    const kept = () => openFiles(servers()[0]).some((path) => path.includes('results.sqlite'));
    await until('the file of results', kept);
    await having('cache.disk', false, () => until('no file of results', () => !kept()));
    await until('the file of results again', kept);
  });

  await test('fovea.model.dir takes effect at once, and a folder without a model is told', async () => {
    await having('model.dir', '/nonexistent/model', async () => {
      await until('the failure', () => api().status().status?.state === 'failed');
      assert.match(api().look().lines.join('\n'), /no model[^]*nonexistent/);
    });
    await running();
  });

  await test('none of these has restarted the server', async () => {
    assert.deepEqual(servers(), [pid]);
  });

  await test('fovea.server.path, fovea.log.level and fovea.log.slowMs take effect', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fovea-path-'));
    const [program, log] = [join(folder, 'fovea'), join(folder, 'stderr.log')];
    const packed = join(vscode.extensions.getExtension('fovea.fovea').extensionPath, 'bin/fovea');
    writeFileSync(program, `#!/bin/sh\nexec '${packed}' "$@" 2>>'${log}'\n`);
    const logged = () => (existsSync(log) ? readFileSync(log, 'utf8') : '');
    chmodSync(program, 0o755);
    await having('server.path', program, async () => {
      await until('a new server', () => servers().length === 1 && servers()[0] !== pid && api().status().life === 'running');
      await running();
      const slow = () => logged().split('slow request').length - 1;
      const explain = async (text) => {
        const { document } = await untitled(`def ${text}(values):\n    return [value for value in values if ${text} == value]\n`, 'python');
        const range = new vscode.Range(0, 0, 2, 0);
        await vscode.commands.executeCommand('fovea.explainSelection', { uri: document.uri.toString(), range });
        return slow();
      };
      await having('log.slowMs', 1, async () => {
        assert.equal(await explain('keep_apples'), 0, 'the log is at warnings');
        await having('log.level', 'info', () => until('a slow request in the log', async () => (await explain('keep_pears')) > 0));
      });
      await having('log.slowMs', 0, () =>
        having('log.level', 'info', async () => {
          const before = slow();
          await explain('keep_plums');
          assert.equal(await explain('keep_quinces'), before, 'no request is slow');
        }),
      );
    });
    await running();
  });
};
