/** The settings that are the editor's own. Those of the server reach it as they are. */
import * as vscode from 'vscode';

import type { DrawOptions } from './heat/drawing';

export function drawOptions(): DrawOptions {
  const settings = vscode.workspace.getConfiguration('fovea.client');
  return {
    style: settings.get('heatStyle') === 'underline' ? 'underline' : 'background',
    from: settings.get<number>('heatFrom', 1),
    ruler: settings.get<boolean>('overviewRuler', true),
  };
}

export function explainLens(): boolean {
  return vscode.workspace.getConfiguration('fovea.client').get<boolean>('explainLens', true);
}

/** The whole section, for the server's start. */
export function section(): unknown {
  return JSON.parse(JSON.stringify(vscode.workspace.getConfiguration('fovea')));
}
