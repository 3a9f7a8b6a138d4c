// A server that dies, and one that cannot be started.
const assert = require('node:assert/strict');
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const vscode = require('vscode');

const { api, having, heat, open, running, root, servers, set, test, until } = require('./session');

async function killed() {
  const [pid] = await until('a server', () => servers().length === 1 && api().status().life === 'running' && servers());
  process.kill(pid, 'SIGKILL');
  await until('the end of the server', () => !servers().includes(pid));
}

const broken = (wanted) =>
  until(
    () => `a broken server: ${JSON.stringify(api().status())}`,
    () => api().status().life === 'broken' && wanted.test(api().status().reason),
  );

exports.run = async () => {
  await test('a server that dies is started again, and heat and hovers go on', async () => {
    const editor = await open('src/config.rs');
    await heat(editor.document, (shown) => shown.words.length > 0);
    await killed();
    assert.ok(api().heat(editor.document.uri).words.length > 0, 'the heat stays meanwhile');
    await running();
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '// after the fall\n'));
    await heat(editor.document, (shown) => shown.words.length > 0);
    await editor.edit((edit) => edit.delete(new vscode.Range(0, 0, 1, 0)));
  });

  await test('one that dies again and again is let be, and starts by hand', async () => {
    const { document } = await open('src/config.rs');
    for (let fall = 0; fall < 5; fall++) {
      await killed();
    }
    await broken(/ended 6 times/);
    assert.match(api().look().lines.join('\n'), /not running/);
    assert.equal(api().heat(document.uri), undefined, 'colours of a server that has gone are taken away');
    await vscode.commands.executeCommand('fovea.restartServer');
    await running();
    await heat(document, (shown) => shown.words.length > 0);
  });

  await test('a program that is missing, no program or another one is told of, with what to do', async () => {
    await having('server.path', '/nonexistent/fovea', () => broken(/There is no program at \/nonexistent\/fovea\. Correct the setting/));
    await running();
    const path = join(root.fsPath, 'notes.txt');
    writeFileSync(path, 'no program', { mode: 0o644 });
    await having('server.path', path, () => broken(/may not be executed/));
    await running();
    await having('server.path', '/bin/true', () => broken(/did not start[^]*fovea\.server\.path/));
    await running();
  });
};
