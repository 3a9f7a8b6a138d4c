/** Which words tell most about a selection, or about each unit of a document, in the panel. */
import * as vscode from 'vscode';

import { range } from '../places';
import type { DrawsOn, ExplainedUnit, Explanation, Range } from '../protocol';
import { type Core, front } from './core';
import { patiently } from './progress';

/** Explains the range of a code action, or the selection, as one unit. Without a selection, explains the document unit by unit. */
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
  const answer = await patiently('Explaining the selection', (token, report) =>
    core.server.executeReporting<Explanation>('fovea.explainSelection', [{ uri: document.uri.toString(), range: wanted }], token, report),
  );
  core.panel.showExplanation(document, answer, { whole: true });
}

/** Explains each unit of the active document. */
export async function explainDocument(core: Core): Promise<void> {
  const document = front()?.document;
  if (document) {
    core.panel.showExplanation(document, await explanation(core, document), {});
  }
}

/** Explains the unit around a position, and marks the word there. */
export async function explainWord(core: Core, uri: vscode.Uri, position: vscode.Position): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const params = { textDocument: { uri: uri.toString() }, position };
  const [answer, drawsOn] = await Promise.all([
    explanation(core, document),
    core.server.request<DrawsOn | null>('fovea/drawsOn', params).catch(() => null),
  ]);
  const byte = Buffer.byteLength(document.getText(new vscode.Range(new vscode.Position(0, 0), position)), 'utf8');
  const around = answer.units.filter((unit) => unit.start.byte <= byte && byte <= unit.end.byte);
  const size = (unit: ExplainedUnit) => unit.end.byte - unit.start.byte;
  const [unit] = around.sort((one, other) => size(one) - size(other));
  if (!unit) {
    throw new Error('the document has changed since the hover was shown; hover over the word again');
  }
  const related = (drawsOn?.words ?? []).map((word) => {
    const { start, end } = range(word.range);
    return { start: document.offsetAt(start), end: document.offsetAt(end), strength: word.strength, share: word.share };
  });
  core.panel.showExplanation(document, { ...answer, units: [unit] }, { asked: { byte, related } });
}

function explanation(core: Core, document: vscode.TextDocument): Promise<Explanation> {
  const params = { textDocument: { uri: document.uri.toString() } };
  return patiently('Explaining the document', (token) => core.server.request<Explanation>('fovea/explain', params, token));
}
