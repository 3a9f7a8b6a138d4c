/** Why two passages resemble each other, in the panel. */
import * as vscode from 'vscode';

import { range } from '../places';
import type { Comparison, Passage, Range } from '../protocol';
import { type Core, done, front } from './core';

/** One of the two passages. */
export interface Side {
  uri: vscode.Uri;
  range: vscode.Range;
  name: string;
  /** How similar the server said it is, without what the languages have in common. */
  score?: number;
}

/** The selection that was remembered for a comparison. */
let remembered: Side | undefined;

/** Compares two passages and shows the pairs of their words. Closed files are read by the editor. */
export async function compare(core: Core, a: Side, b: Side): Promise<void> {
  const [left, right] = await Promise.all([passage(a), passage(b)]);
  const progress = { location: vscode.ProgressLocation.Window, title: 'Fovea compares' };
  const answer = await vscode.window.withProgress(progress, (_, token) =>
    core.server.execute<Comparison>('fovea.comparePassages', [left, right], token),
  );
  core.panel.showPair({ ...a, ...left }, { ...b, ...right }, answer);
}

async function passage(side: Side): Promise<{ text: string; language: string }> {
  const document = await vscode.workspace.openTextDocument(side.uri);
  return { text: document.getText(side.range), language: document.languageId };
}

/** With the arguments of a code action: compares them. Without: remembers the selection, or compares it with the remembered one. */
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
    throw new Error('select the passage to compare');
  }
  const side = { uri: editor.document.uri, range: editor.selection, name: '' };
  if (!remembered) {
    remembered = side;
    void vscode.commands.executeCommand('setContext', 'fovea.remembered', true);
    done('Passage remembered: select another one and compare again');
    return;
  }
  const first = remembered;
  remembered = undefined;
  void vscode.commands.executeCommand('setContext', 'fovea.remembered', false);
  await compare(core, first, side);
}

function sideOf(passage: { uri: string; range: Range }): Side {
  return { uri: vscode.Uri.parse(passage.uri), range: range(passage.range), name: '' };
}
