// A virtual file system for tests: `memory:/project` contains the files of a folder, read-only; every document of `other:` has the same
// text.
const { readdirSync, readFileSync, statSync } = require('node:fs');
const { join } = require('node:path');
const vscode = require('vscode');

const TEXT = '/// Reads the configuration file.\npub fn load_config() {}\n';

exports.memory = (folder) => {
  const path = (uri) => join(folder, uri.path.replace(/^\/project/, ''));
  const found = (read) => (uri) => {
    try {
      return read(path(uri));
    } catch {
      throw vscode.FileSystemError.FileNotFound(uri);
    }
  };
  const kind = (stats) => (stats.isDirectory() ? vscode.FileType.Directory : vscode.FileType.File);
  const refuse = (uri) => {
    throw vscode.FileSystemError.NoPermissions(uri);
  };
  const provider = {
    onDidChangeFile: new vscode.EventEmitter().event,
    watch: () => new vscode.Disposable(() => undefined),
    stat: found((at) => {
      const stats = statSync(at);
      return { type: kind(stats), ctime: stats.ctimeMs, mtime: stats.mtimeMs, size: stats.size };
    }),
    readDirectory: found((at) => readdirSync(at).map((name) => [name, kind(statSync(join(at, name)))])),
    readFile: found((at) => new Uint8Array(readFileSync(at))),
    createDirectory: refuse,
    writeFile: refuse,
    delete: refuse,
    rename: refuse,
  };
  return vscode.Disposable.from(
    vscode.workspace.registerFileSystemProvider('memory', provider, { isReadonly: true }),
    vscode.workspace.registerTextDocumentContentProvider('other', { provideTextDocumentContent: () => TEXT }),
  );
};
