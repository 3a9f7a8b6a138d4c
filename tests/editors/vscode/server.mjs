// code-server, which shows VS Code in a browser: the extension host, the workbench and all services are those of VS Code.
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** The settings of a new profile: no prompts, no animations and no telemetry. */
export const QUIET = {
  'security.workspace.trust.enabled': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.reduceMotion': 'on',
  'workbench.activityBar.location': 'hidden',
  'window.commandCenter': false,
  'window.autoDetectColorScheme': false,
  'editor.cursorBlinking': 'solid',
  'editor.fontFamily': 'DejaVu Sans Mono',
  'telemetry.telemetryLevel': 'off',
  'workbench.enableExperiments': false,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'update.mode': 'none',
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.layoutControl.enabled': false,
  'git.enabled': false,
  'editor.minimap.enabled': false,
  'files.autoSave': 'off',
  'files.hotExit': 'off',
};

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Waits until `condition` returns something true, and returns that. */
export async function until(what, condition, patience = 30_000) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`timed out waiting for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Starts a server with a new profile below `scratch`, and installs the extensions (.vsix).
 *
 * `environment` is passed to the extension host.
 */
export async function start({ editors, scratch, extensions, settings = {}, environment = {}, keys = [] }) {
  const node = join(editors, 'vscode/node/bin/node');
  const entry = join(editors, 'vscode/server/node_modules/code-server/out/node/entry.js');
  const data = join(scratch, 'data');
  const folders = ['--user-data-dir', data, '--extensions-dir', join(scratch, 'extensions')];
  mkdirSync(join(data, 'User'), { recursive: true });
  writeFileSync(join(data, 'User/settings.json'), JSON.stringify({ ...QUIET, ...settings }, null, 2));
  writeFileSync(join(data, 'User/keybindings.json'), JSON.stringify(keys, null, 2));
  const env = { ...process.env, HOME: scratch, EXTENSIONS_GALLERY: '{}', ...environment };
  for (const extension of extensions) {
    const installed = spawnSync(node, [entry, ...folders, '--install-extension', extension], { env, encoding: 'utf8' });
    if (installed.status !== 0) {
      throw new Error(`${extension} cannot be installed: ${(installed.stdout + installed.stderr).slice(-2000)}`);
    }
  }
  const port = await freePort();
  const options = ['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, ...folders, '--vscode-option', 'enable-smoke-test-driver'];
  const quiet = ['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'];
  const child = spawn(node, [entry, ...options, ...quiet, '--reconnection-grace-time', '5'], { env });
  const log = createWriteStream(join(scratch, 'server.log'));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await until('code-server', () => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false));
  return {
    port,
    /** The address of a folder; `development` is the folder of an extension to load, `tests` its tests, `file` a file to open. */
    address(folder, { development, tests, file } = {}) {
      const remote = (path) => `vscode-remote://127.0.0.1:${port}${path}`;
      const payload = [
        ...(development ? [['extensionDevelopmentPath', remote(development)]] : []),
        ...(tests ? [['extensionTestsPath', remote(tests)]] : []),
        ...(file ? [['openFile', remote(file)]] : []),
      ];
      const query = payload.length > 0 ? `&payload=${encodeURIComponent(JSON.stringify(payload))}` : '';
      return `http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}${query}`;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
