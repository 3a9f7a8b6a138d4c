// Classes by the user's own probe, and predictions at a position.
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { cpSync, mkdtempSync, readFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const vscode = require('vscode');

const { api, find, having, heat, open, test, until } = require('./session');

const run = (...arguments_) => vscode.commands.executeCommand(...arguments_);
const close = () => run('workbench.action.closeQuickOpen');
const tests = resolve(process.env.FOVEA_TEST_MEMORY, '..');

/** A probe that the extension's program trains on a copy of the labels. */
function probe() {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-probe-'));
  const [labels, file] = [join(folder, 'labels.csv'), join(folder, 'configuration.json')];
  cpSync(join(tests, 'probe/labels.csv'), labels);
  const fovea = join(vscode.extensions.getExtension('fovea.fovea').extensionPath, 'bin/fovea');
  execFileSync(fovea, ['probe', 'train', '--out', file, labels]);
  return { labels, file };
}

/** The lenses that name a class. */
async function classes(document) {
  const lenses = await run('vscode.executeCodeLensProvider', document.uri, 100);
  return (lenses ?? []).filter(({ command }) => command?.command === 'fovea.classify');
}

const sum = ({ words, special, bias }) => words.reduce((all, { score }) => all + score, special + bias);

exports.run = async () => {
  await test('a lens names the class, its words say why, and the probe learns a correction', async () => {
    await vscode.extensions.getExtension('fovea.fovea').activate();
    const { labels, file } = probe();
    const { document } = await open('src/config.rs');
    await heat(document);
    await having('classify.probe', file, async () => {
      const [lens, ...others] = await until('the lens', async () => {
        const found = await classes(document);
        return found.length > 0 && found;
      });
      // The class of the other function is `other`, which has no lens.
      assert.deepEqual(others, []);
      assert.match(lens.command.title, /^configuration (\.\d\d|1\.00)$/);
      assert.equal(lens.range.start.line, find(document, 'load_config').line);

      const answer = await run('fovea.classify', ...lens.command.arguments);
      await close();
      assert.deepEqual([answer.name, answer.label], ['load_config', 'configuration']);
      assert.ok(Math.abs(sum(answer) - answer.value) < 0.01, `${sum(answer)} ${answer.value}`);
      assert.ok(Math.abs(answer.classes[0].probability - Number(lens.command.title.split(' ')[1])) < 0.011);

      const learned = await run('fovea.relabel', lens.command.arguments[0], 'other');
      assert.equal(learned.items, 13);
      assert.match(readFileSync(labels, 'utf8'), /load_config[^]*,other,rust\n$/);
      await until('another class', async () => !(await classes(document)).some(({ command }) => command.title === lens.command.title));
    });
    await until('no lens without the probe', async () => (await classes(document)).length === 0);
  });

  await test('a model that can predict says what comes next and why; the built-in one says that it cannot', async () => {
    const { document } = await open('src/config.rs');
    const place = { uri: document.uri.toString(), position: find(document, 'load_config') };
    assert.equal(await run('fovea.predict', place), undefined);
    await run('notifications.clearAll');
    const model = resolve(tests, '../fixtures/tiny-llama');
    await having('model.dir', model, async () => {
      await until('the model', () => api().status().status?.model?.includes('tiny-llama'));
      const answer = await until('a prediction', () => run('fovea.predict', place));
      await close();
      assert.equal(answer.next.length, 10);
      const [first, second] = answer.next;
      const why = (await run('fovea.predict', { ...place, why: first.id, ratherThan: second.id })).why;
      assert.deepEqual([why.token, why.ratherThan, why.target], [first.token, second.token, 'difference']);
      assert.ok(Math.abs(sum(why) - why.value) < 0.01, `${sum(why)} ${why.value}`);
    });
    await until('the built-in model', () => api().status().status?.model?.includes('MiniLM'));
  });
};
