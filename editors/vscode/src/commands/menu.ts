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
  const chosen = await vscode.window.showQuickPick(entries(core), { title: 'Fovea', placeHolder: 'What do you want to do?' });
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
    entry('book', 'Walkthrough', 'fovea.openWalkthrough'),
    entry('gear', 'Settings', 'workbench.action.openSettings', '', ['@ext:fovea.fovea']),
    entry('output', 'Show log', 'fovea.showLog'),
    entry('copy', 'Copy report', 'fovea.copyReport', 'versions, state and names of settings; no text'),
    entry('debug-restart', running ? 'Restart server' : 'Start server', 'fovea.restartServer'),
  ];
  const legend = entry('info', 'What do the colors mean?', 'fovea.showLegend');
  if (!running) {
    return [legend, ...help];
  }
  const paused = status.state === 'paused';
  const preset = status.preset ?? (status.heat ? 'full' : 'off');
  return [
    ...(reason ? [{ label: `$(circle-slash) This document is not analyzed: ${reason}` }] : []),
    group('Colors'),
    legend,
    entry('symbol-color', status.heat ? 'Turn colors off' : 'Turn colors on', 'fovea.toggleHeat', status.heat ? 'until the next start' : ''),
    entry('settings', 'Color more or fewer words…', 'fovea.setHeat', preset),
    entry(
      'symbol-misc',
      status.highlight ? 'Turn boxes around related words off' : 'Turn boxes around related words on',
      'fovea.toggleHighlight',
      'words that the one under the cursor draws on',
    ),
    group('Find'),
    entry('search', 'Search by meaning…', 'fovea.search'),
    entry('question', 'Ask…', 'fovea.ask', 'the sentence or statements that answer a question'),
    entry('comment', 'Write an answer…', 'fovea.answer', 'to a question, with what each sentence draws on; for a model that writes'),
    entry('sparkle', 'Predict what comes next here', 'fovea.predict', 'and why; for a model that predicts'),
    entry('tag', 'Which words decided for the class here?', 'fovea.classify', 'by your probe'),
    entry('references', 'Show similar code', 'fovea.showSimilar', 'like the function under the cursor'),
    entry('compare-changes', 'Compare with similar code…', 'fovea.explainSimilarity'),
    entry('list-ordered', 'Which words tell most?', 'fovea.explainSelection', 'in the selection or the document'),
    entry('eye', 'See what the model does', 'fovea.openView', 'each step, for this document'),
    entry('verified', 'Can I trust the colors here?', 'fovea.trust', 'deletes words and looks what changes'),
    group('Model'),
    paused ? entry('debug-continue', 'Resume', 'fovea.resume', 'paused') : entry('debug-pause', 'Pause', 'fovea.pause', 'no work in the background'),
    entry('refresh', 'Update index', 'fovea.updateIndex', status.index ? `${status.index.items.toLocaleString()} places` : 'no folder is indexed'),
    entry('beaker', 'Choose method…', 'fovea.setMethod', status.method),
    entry('layers', 'Choose attention layer and head…', 'fovea.chooseAttention', status.maps ? inWords(status.maps) : ''),
    ...help,
  ];
}

function group(label: string): Entry {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}

function entry(icon: string, label: string, command: string, description = '', args: unknown[] = []): Entry {
  return { label: `$(${icon}) ${label}`, description, command, args };
}
