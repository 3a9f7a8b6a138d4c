/** The menu of the status bar item. */
import * as vscode from 'vscode';

import { inactive } from '../status';
import type { Core } from './core';
import { inWords } from './maps';

interface Entry extends vscode.QuickPickItem {
  command?: string;
  args?: unknown[];
}

export async function showMenu(core: Core): Promise<void> {
  const chosen = await vscode.window.showQuickPick(entries(core), { title: 'Fovea', placeHolder: 'What should it do?' });
  if (chosen?.command) {
    await vscode.commands.executeCommand(chosen.command, ...(chosen.args ?? []));
  }
}

function entries(core: Core): Entry[] {
  const { life, status } = core.known();
  const running = life === 'running' && status !== undefined;
  const reason = inactive(status, vscode.window.activeTextEditor?.document);
  const help: Entry[] = [
    group('Help'),
    entry('debug-restart', running ? 'Restart server' : 'Start server', 'fovea.restartServer'),
    entry('output', 'Show log', 'fovea.showLog'),
    entry('copy', 'Copy report', 'fovea.copyReport', 'versions, state and names of settings; no text'),
    entry('gear', 'Settings', 'workbench.action.openSettings', '', ['@ext:fovea.fovea']),
    entry('book', 'Walkthrough', 'fovea.openWalkthrough'),
  ];
  if (!running) {
    return help;
  }
  const paused = status.state === 'paused';
  return [
    ...(reason ? [{ label: `$(circle-slash) This document is not analysed: ${reason}` }] : []),
    group('See'),
    entry('flame', status.heat ? 'Switch heat off' : 'Switch heat on', 'fovea.toggleHeat', status.heat ? 'now on' : 'now off'),
    entry(
      'symbol-keyword',
      status.highlight ? 'Switch highlights off' : 'Switch highlights on',
      'fovea.toggleHighlight',
      `what the word under the cursor draws on; ${status.highlight ? 'now on' : 'now off'}`,
    ),
    entry('beaker', 'Choose method…', 'fovea.setMethod', status.method),
    entry('layers', 'Choose attention layer and head…', 'fovea.chooseAttention', status.maps ? inWords(status.maps) : ''),
    group('Find'),
    entry('search', 'Search by meaning…', 'fovea.search'),
    entry('references', 'Show similar', 'fovea.showSimilar', 'to the item under the cursor'),
    entry('compare-changes', 'Explain similarity…', 'fovea.explainSimilarity'),
    entry('list-ordered', 'Explain selection or document', 'fovea.explainSelection'),
    group('Work'),
    paused
      ? entry('debug-continue', 'Resume', 'fovea.resume', 'paused')
      : entry('debug-pause', 'Pause', 'fovea.pause', 'no model work at all'),
    entry('refresh', 'Update index', 'fovea.updateIndex', status.index ? `${status.index.items} items` : 'no folder is indexed'),
    ...help,
  ];
}

function group(label: string): Entry {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}

function entry(icon: string, label: string, command: string, description = '', args: unknown[] = []): Entry {
  return { label: `$(${icon}) ${label}`, description, command, args };
}
