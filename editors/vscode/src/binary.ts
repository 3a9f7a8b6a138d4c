/** Finds the server's program and checks that it can run. */
import { access, constants, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import * as vscode from 'vscode';

import { restricted } from './settings';

/** The reason why no program can be started, with advice. */
export class NoProgram extends Error {}

/**
 * The program of `fovea.server.path`, or the one in the extension.
 *
 * @throws NoProgram if it is missing or cannot be run.
 */
export async function program(context: vscode.ExtensionContext): Promise<string> {
  const wanted = restricted('server.path').trim();
  if (wanted) {
    return runnable(expanded(wanted), 'Correct the setting fovea.server.path, or empty it to use the server that came with the extension.');
  }
  const name = process.platform === 'win32' ? 'fovea.exe' : 'fovea';
  const packed = context.asAbsolutePath(join('bin', name));
  return runnable(
    packed,
    `This build of the extension has no server for ${process.platform}-${process.arch}; install the extension for your platform, or ` +
      'build the program and name it in the setting fovea.server.path.',
  );
}

function expanded(path: string): string {
  const home = path.replace(/^~(?=[\\/]|$)/, homedir());
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const whole = folder ? home.replaceAll('${workspaceFolder}', folder) : home;
  return isAbsolute(whole) || !folder ? whole : join(folder, whole);
}

async function runnable(path: string, advice: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new NoProgram(`There is no program at ${path}. ${advice}`);
  }
  if (!found.isFile()) {
    throw new NoProgram(`${path} is no file. ${advice}`);
  }
  const allowed = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!allowed) {
    throw new NoProgram(`${path} may not be executed. Allow it (chmod +x), or name another one in the setting fovea.server.path.`);
  }
  return path;
}
