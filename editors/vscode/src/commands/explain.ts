/** Which words carry a selection, or each unit of a document, in the panel. */
import * as vscode from 'vscode';

import { range } from '../places';
import type { Explanation, Range } from '../protocol';
import { type Core, front } from './core';

/** Explains the range of a code action, or the selection, as one unit. Without a selection: the document, unit by unit. */
export async function explainSelection(core: Core, given?: { uri: string; range: Range }): Promise<void> {
  const editor = given ? undefined : front();
  if (!given && !editor) {
    return;
  }
  const document = given ? await vscode.workspace.openTextDocument(vscode.Uri.parse(given.uri)) : editor?.document;
  const selection = given ? range(given.range) : editor?.selection;
  if (!document || !selection || selection.isEmpty) {
    await explainDocument(core);
    return;
  }
  const wanted = { start: selection.start, end: selection.end };
  const answer = await working((token) =>
    core.server.execute<Explanation>('fovea.explainSelection', [{ uri: document.uri.toString(), range: wanted }], token),
  );
  core.panel.showExplanation(document, answer, selection);
}

/** Explains each unit of the document in front. */
export async function explainDocument(core: Core): Promise<void> {
  const document = front()?.document;
  if (!document) {
    return;
  }
  const params = { textDocument: { uri: document.uri.toString() } };
  const answer = await working((token) => core.server.request<Explanation>('fovea/explain', params, token));
  core.panel.showExplanation(document, answer);
}

function working<T>(work: (token: vscode.CancellationToken) => Promise<T>): Thenable<T> {
  const progress = { location: vscode.ProgressLocation.Window, title: 'Fovea explains' };
  return vscode.window.withProgress(progress, (_, token) => work(token));
}
