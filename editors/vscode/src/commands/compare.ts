/** Why two passages are similar, in the panel. */
import * as vscode from 'vscode';

import { range } from '../places';
import type { ComparedRow, Comparison, Passage, Range } from '../protocol';
import { type Core, done, front } from './core';
import { patiently } from './progress';

const COMMAND = 'fovea.comparePassages';

/** One of the two passages. */
export interface Side {
  uri: vscode.Uri;
  range: vscode.Range;
  name: string;
}

/** The selection that was remembered for a comparison. */
let remembered: Side | undefined;

/** Compares two passages and shows their shared words. The editor reads files that are not open. */
export async function compare(core: Core, a: Side, b: Side): Promise<void> {
  const [left, right] = await Promise.all([passage(a), passage(b)]);
  const title = a.name && b.name ? `Comparing ${a.name} with ${b.name}` : 'Comparing two passages';
  // Servers that do not know the third argument send the whole matrix.
  const answer = await patiently(title, (token, report) =>
    core.server.executeReporting<Comparison>(COMMAND, [left, right, { pairs: false }], token, report),
  );
  const row = (side: 'a' | 'b', word: number, token: vscode.CancellationToken) =>
    core.server.execute<ComparedRow>(COMMAND, [left, right, { row: { side, word } }], token);
  const trust = () => void vscode.commands.executeCommand('fovea.trust', { a: left, b: right });
  core.panel.showPair({ ...a, ...left }, { ...b, ...right }, answer, { row, trust });
}

async function passage(side: Side): Promise<{ text: string; language: string }> {
  const document = await vscode.workspace.openTextDocument(side.uri);
  return { text: document.getText(side.range), language: document.languageId };
}

/** Compares the arguments of a code action. Without arguments, remembers the selection or compares it with the remembered one. */
export async function comparePassages(core: Core, a?: Passage, b?: Passage): Promise<void> {
  if (a && b && 'range' in a && 'range' in b) {
    await compare(core, sideOf(a), sideOf(b));
    return;
  }
  const editor = front();
  if (!editor) {
    return;
  }
  if (editor.document.getText(editor.selection).trim() === '') {
    throw new Error('nothing is selected; select the passage to compare first');
  }
  const side = { uri: editor.document.uri, range: editor.selection, name: '' };
  if (!remembered) {
    remembered = side;
    void vscode.commands.executeCommand('setContext', 'fovea.remembered', true);
    done('First passage remembered. Select another one and run the command again.');
    return;
  }
  const first = remembered;
  remembered = undefined;
  void vscode.commands.executeCommand('setContext', 'fovea.remembered', false);
  await compare(core, first, side);
}

/** The action of the key for comparisons: compares two selections, or the item at the cursor with a similar one. */
export async function compareHere(): Promise<void> {
  const editor = front();
  if (editor) {
    await vscode.commands.executeCommand(editor.selection.isEmpty ? 'fovea.explainSimilarity' : COMMAND);
  }
}

function sideOf(passage: { uri: string; range: Range }): Side {
  return { uri: vscode.Uri.parse(passage.uri), range: range(passage.range), name: '' };
}
