/** Commands that change what the server does. */
import * as vscode from 'vscode';

import { METHODS } from '../protocol';
import { type Core, done } from './core';

/** What each method does, for the choice. */
const ABOUT: Record<(typeof METHODS)[number], string> = {
  decomposition: 'Share of the embedding that came in through each word; shares and biases sum to 1',
  alti: 'How much each layer’s output keeps of each word, rolled out over the layers',
  attention: 'Attention that each word receives, averaged over layers and heads',
  rollout: 'Attention rolled out over the layers, residual paths included',
  norm: 'Length of what attention moves, rather than its weight alone',
};

export async function toggle(core: Core, command: 'fovea.toggleHeat' | 'fovea.toggleHighlight', wanted?: boolean): Promise<boolean> {
  const what = command === 'fovea.toggleHeat' ? 'Heat' : 'Highlights';
  const answer = await core.server.execute<{ enabled: boolean }>(command, typeof wanted === 'boolean' ? [wanted] : []);
  done(`${what} ${answer.enabled ? 'on' : 'off'}`);
  return answer.enabled;
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
    done(`Method ${chosen}`);
  }
}
