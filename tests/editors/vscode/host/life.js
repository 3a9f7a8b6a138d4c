// Servers that die, and servers that cannot be started.
const assert = require('node:assert/strict');
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const vscode = require('vscode');

const { api, having, heat, open, running, root, servers, set, test, until } = require('./session');

/** A program that stops reading after the first request and ends, three times; then it runs the server. */
const SHORT_LIVED = (runs, server) => `#!/usr/bin/env python3
import json, os, sys, time
with open('${runs}', 'a+') as file:
    file.write('.')
    file.seek(0)
    count = len(file.read())
if count > 3:
    os.execv('${server}', ['fovea', 'serve'])
length = 0
while (line := sys.stdin.buffer.readline().strip()):
    if line.lower().startswith(b'content-length:'):
        length = int(line.split(b':')[1])
asked = json.loads(sys.stdin.buffer.read(length))
answer = json.dumps({'jsonrpc': '2.0', 'id': asked['id'], 'result': {'capabilities': {}}}).encode()
os.close(0)
os.write(1, b'Content-Length: %d\\r\\n\\r\\n' % len(answer) + answer)
# The first answer has to be read before the end is noticed: only then is the program known as a server.
time.sleep(0.5 if count == 1 else 0)
`;

/** A server that supports LSP but none of Fovea's messages. */
const TOO_OLD = `#!/usr/bin/env python3
import json, sys
while True:
    length = 0
    while (line := sys.stdin.buffer.readline()).strip():
        if line.lower().startswith(b'content-length:'):
            length = int(line.split(b':')[1])
    if not line:
        break
    asked = json.loads(sys.stdin.buffer.read(length))
    if 'id' in asked and 'method' in asked:
        result = {'capabilities': {}, 'serverInfo': {'name': 'fovea', 'version': '0.0.1'}} if asked['method'] == 'initialize' else None
        answer = json.dumps({'jsonrpc': '2.0', 'id': asked['id'], 'result': result}).encode()
        sys.stdout.buffer.write(b'Content-Length: %d\\r\\n\\r\\n' % len(answer) + answer)
        sys.stdout.buffer.flush()
`;

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
  await test('a server that dies is started again, and heat and hovers still work', async () => {
    const editor = await open('src/config.rs');
    await heat(editor.document, (shown) => shown.words.length > 0);
    await killed();
    assert.ok(api().heat(editor.document.uri).words.length > 0, 'the heat should stay until the restart');
    await running();
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '// after the fall\n'));
    await heat(editor.document, (shown) => shown.words.length > 0);
    await editor.edit((edit) => edit.delete(new vscode.Range(0, 0, 1, 0)));
  });

  await test('a server that dies repeatedly is not restarted, but can be started by hand', async () => {
    const { document } = await open('src/config.rs');
    for (let fall = 0; fall < 5; fall++) {
      await killed();
    }
    await broken(/ended 6 times/);
    assert.match(api().look().lines.join('\n'), /not running/);
    assert.equal(api().heat(document.uri), undefined, 'the heat of an ended server should be removed');
    await vscode.commands.executeCommand('fovea.restartServer');
    await running();
    await heat(document, (shown) => shown.words.length > 0);
  });

  await test('a missing program, a file that is not a program and another program are reported with advice', async () => {
    await having('server.path', '/nonexistent/fovea', () => broken(/There is no program at \/nonexistent\/fovea\. Correct the setting/));
    await running();
    const path = join(root.fsPath, 'notes.txt');
    writeFileSync(path, 'no program', { mode: 0o644 });
    await having('server.path', path, () => broken(/may not be executed/));
    await running();
    await having('server.path', '/bin/true', () => broken(/did not start[^]*fovea\.server\.path/));
    await running();
  });

  await test('a program that is too old is reported with advice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fovea-old-'));
    const program = join(folder, 'fovea');
    writeFileSync(program, TOO_OLD, { mode: 0o755 });
    await having('server.path', program, () => broken(/fovea \(version 0\.0\.1\) is too old for this extension\. Update that program, or empty the setting/));
    await running();
    rmSync(folder, { recursive: true });
  });

  await test('a server that dies during initialization is started again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fovea-life-'));
    const [program, runs] = [join(folder, 'fovea'), join(folder, 'runs')];
    const packed = join(vscode.extensions.getExtension('fovea.fovea').extensionPath, 'bin/fovea');
    writeFileSync(runs, '');
    writeFileSync(program, SHORT_LIVED(runs, packed), { mode: 0o755 });
    const { document } = await open('src/config.rs');
    await having('server.path', program, async () => {
      await until(() => `the fourth start, after ${readFileSync(runs, 'utf8')}: ${JSON.stringify(api().status())}`, () => readFileSync(runs, 'utf8') === '....');
      await running();
      await heat(document, (shown) => shown.words.length > 0);
    });
    await running();
    rmSync(folder, { recursive: true });
  });
};
