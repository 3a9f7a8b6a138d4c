/** The settings of the extension, and the settings that the server gets. */
import * as vscode from 'vscode';

import type { DrawOptions } from './heat/drawing';

/** All options except the one that depends on the theme. */
export function drawOptions(): Omit<DrawOptions, 'brightness'> {
  const settings = vscode.workspace.getConfiguration('fovea.client');
  return {
    style: settings.get('heatStyle') === 'underline' ? 'underline' : 'background',
    from: settings.get<number>('heatFrom', 4),
    ruler: settings.get<boolean>('overviewRuler', false),
  };
}

export function explainLens(): boolean {
  return vscode.workspace.getConfiguration('fovea.client').get<boolean>('explainLens', true);
}

/**
 * A setting that names a file to load or run. In an untrusted workspace, only the user's value counts. VS Code ignores the workspace's
 * value, but older versions do not if it is inside an object, such as `"fovea.model": {"dir": …}`.
 */
export function restricted(name: 'model.dir' | 'model.generator' | 'server.path'): string {
  const settings = vscode.workspace.getConfiguration('fovea');
  if (vscode.workspace.isTrusted) {
    return settings.get<string>(name, '');
  }
  const found = settings.inspect<string>(name);
  return found?.globalValue ?? found?.defaultValue ?? '';
}

/** The whole section for the server. */
export function section(): Record<string, unknown> {
  // VS Code uses UTF-16 for positions, and refuses a server with another encoding.
  const { positionEncoding: _, ...others } = JSON.parse(JSON.stringify(vscode.workspace.getConfiguration('fovea')));
  return { ...others, model: { dir: restricted('model.dir'), generator: restricted('model.generator') } };
}
