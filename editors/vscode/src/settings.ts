/** The settings that are the editor's own, and those of the server as they reach it. */
import * as vscode from 'vscode';

import type { DrawOptions } from './heat/drawing';

/** All but what the theme decides. */
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
 * A setting that names what is loaded or run. In a workspace that is not trusted it is the person's alone: VS Code leaves the
 * workspace's out, but older ones not where it is written within an object, as `"fovea.model": {"dir": …}`.
 */
export function restricted(name: 'model.dir' | 'server.path'): string {
  const settings = vscode.workspace.getConfiguration('fovea');
  if (vscode.workspace.isTrusted) {
    return settings.get<string>(name, '');
  }
  const found = settings.inspect<string>(name);
  return found?.globalValue ?? found?.defaultValue ?? '';
}

/** The whole section, as the server is to have it. */
export function section(): Record<string, unknown> {
  // VS Code speaks of places in UTF-16 and refuses a server that does not.
  const { positionEncoding: _, ...others } = JSON.parse(JSON.stringify(vscode.workspace.getConfiguration('fovea')));
  return { ...others, model: { dir: restricted('model.dir') } };
}
