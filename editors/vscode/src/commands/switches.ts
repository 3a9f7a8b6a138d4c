/** Commands that change what the server does. */
import * as vscode from 'vscode';

import { type HeatPreset, METHODS, PRESETS } from '../protocol';
import { type Core, done } from './core';

/** The descriptions of methods for the choice. */
const ABOUT: Record<(typeof METHODS)[number], string> = {
  decomposition: 'How much of the model’s result comes from each word; the shares add up to 1',
  alti: 'How much of each word every layer keeps, from layer to layer',
  attention: 'How much attention each word gets, averaged over all layers and heads',
  surprisal: 'How unexpected each word is after those before it; needs a model that predicts the next token',
  rollout: 'How much attention each word gets, followed through all layers',
  norm: 'How much attention moves, rather than its weight alone',
};

const HEAT: Record<HeatPreset, string> = {
  quiet: 'The one to three most telling words of each group of lines; nothing in data files',
  full: 'Every word that tells something, in three tones',
  off: 'No colors',
};

export async function toggle(core: Core, command: 'fovea.toggleHeat' | 'fovea.toggleHighlight', wanted?: boolean): Promise<boolean> {
  const what = command === 'fovea.toggleHeat' ? 'Colors' : 'Boxes around related words';
  const answer = await core.server.execute<{ enabled: boolean }>(command, typeof wanted === 'boolean' ? [wanted] : []);
  core.boxes.again();
  done(`${what}: ${answer.enabled ? 'on' : 'off'}`);
  return answer.enabled;
}

/** Sets the heat of this session. Without an argument, lets the user choose, and stores the choice in the settings. */
export async function setHeat(core: Core, given?: unknown): Promise<void> {
  if (PRESETS.includes(given as HeatPreset)) {
    await core.server.execute('fovea.setHeat', [given]);
    return;
  }
  const { heat, preset = heat ? 'full' : 'off' } = core.known().status ?? {};
  const picks = PRESETS.map((name) => ({
    label: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    description: name === preset ? 'in use' : '',
    detail: HEAT[name],
    name,
  }));
  const chosen = await vscode.window.showQuickPick(picks, { title: 'Which words are colored?', matchOnDetail: true });
  if (!chosen) {
    return;
  }
  const settings = vscode.workspace.getConfiguration('fovea');
  await settings.update('heat.preset', chosen.name, vscode.ConfigurationTarget.Global);
  if (settings.inspect('heat.enable')?.globalValue === false && chosen.name !== 'off') {
    await settings.update('heat.enable', undefined, vscode.ConfigurationTarget.Global);
  }
  // The session may have another preset than the settings.
  await core.server.execute('fovea.setHeat', [chosen.name]);
  done(`Colors: ${chosen.name}`);
}

export async function setMethod(core: Core, given?: string): Promise<void> {
  const present = core.known().status?.method;
  const picks = METHODS.map((method) => ({
    label: method,
    description: method === present ? 'in use' : '',
    detail: ABOUT[method],
  }));
  const title = 'How are words scored?';
  const chosen = given ?? (await vscode.window.showQuickPick(picks, { title, matchOnDetail: true }))?.label;
  if (chosen) {
    await core.server.execute('fovea.setMethod', [chosen]);
    done(`Method: ${chosen}`);
  }
}
