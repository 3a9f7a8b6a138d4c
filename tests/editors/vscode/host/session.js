// Helpers for the tests in the extension host, which run in order as the session of one user.
const { appendFileSync } = require('node:fs');
const vscode = require('vscode');

/** Settings that their tests do not set, to check that these tests fail. */
const ignored = process.env.FOVEA_TEST_IGNORE;
const PATIENCE = ignored ? 15_000 : 60_000;
let looked;
const results = process.env.FOVEA_TEST_RESULTS;
const write = (line) => appendFileSync(results, `${JSON.stringify(line)}\n`);

/** `setting`: the setting whose effect the test checks. */
exports.test = async (name, body, setting) => {
  looked = setting;
  try {
    await body();
    write({ name, setting });
  } catch (error) {
    write({ name, setting, error: error?.stack ?? String(error) });
  }
};
exports.end = () => write({ end: true });

/** Waits until `condition` returns something true, and returns that. */
async function until(what, condition, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`timed out waiting for ${typeof what === 'function' ? what() : what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
exports.until = until;

const root = vscode.workspace.workspaceFolders[0].uri;
const api = () => vscode.extensions.getExtension('fovea.fovea').exports;
exports.root = root;
exports.api = api;

exports.file = (path) => vscode.Uri.joinPath(root, path);

exports.open = async (path) => {
  const document = await vscode.workspace.openTextDocument(typeof path === 'string' ? vscode.Uri.joinPath(root, path) : path);
  return vscode.window.showTextDocument(document, { preview: false });
};

exports.untitled = async (content, language = 'rust') =>
  vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content, language }), { preview: false });

/** Waits for the complete heat of the current version. */
exports.heat = (document, wanted = () => true) =>
  until(
    () => `heat of ${document.uri}: ${JSON.stringify({ ...api().heat(document.uri), words: undefined })}, version ${document.version}`,
    () => {
      const heat = api().heat(document.uri);
      return heat && heat.version === document.version && heat.complete && wanted(heat) && heat;
    },
  );

/** The words of a heat with their text and level. */
exports.words = (document, heat) =>
  heat.words.map(({ line, start, end, level }) => ({ line, level, text: document.getText(new vscode.Range(line, start, line, end)) }));

exports.find = (document, text, into = 0) => {
  const offset = document.getText().indexOf(text);
  if (offset < 0) {
    throw new Error(`the fixture lacks ${text}`);
  }
  return document.positionAt(offset + into);
};

exports.set = async (name, value) => {
  if (!ignored || name !== looked) {
    await vscode.workspace.getConfiguration('fovea').update(name, value, vscode.ConfigurationTarget.Global);
  }
};

/** Sets a setting, runs `body`, and resets the setting. */
exports.having = async (name, value, body) => {
  await exports.set(name, value);
  try {
    await body();
  } finally {
    await exports.set(name, undefined);
  }
};

/** Waits for a reason in the item of the status bar. */
exports.reason = (wanted) => until('the reason in the status bar', () => wanted.test(api().look().lines.join('\n')));

exports.hovers = async (document, position) => {
  const found = await vscode.commands.executeCommand('vscode.executeHoverProvider', document.uri, position);
  return found.flatMap((hover) => hover.contents.map((each) => each.value ?? each));
};

exports.foveaHover = (document, position) =>
  until('our hover', async () => (await exports.hovers(document, position)).find((text) => text.includes('command:fovea.')));

exports.lenses = (document) => vscode.commands.executeCommand('vscode.executeCodeLensProvider', document.uri, 50);

exports.similarLenses = (document, least = 1) =>
  until('lenses', async () => {
    const found = (await exports.lenses(document)).filter((lens) => lens.command?.title.startsWith('≈'));
    return found.length >= least && found;
  });

Object.assign(exports, require('./servers'));

exports.running = () =>
  until(
    () => `a server that is ready: ${JSON.stringify(api().status())}`,
    () => api().status().life === 'running' && ['ready', 'busy'].includes(api().status().status?.state),
  );
