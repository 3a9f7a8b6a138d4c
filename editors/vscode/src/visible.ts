/** Tells the server which lines are on screen, so that it reads those first. */
import * as vscode from 'vscode';

import type { Server } from './client';
import { ours } from './documents';

/** Milliseconds without scrolling. */
const REST = 120;

export interface VisibleReport extends vscode.Disposable {
  /** Tells everything again: the server is a new one. */
  again(): void;
}

export function reportVisible(server: Server): VisibleReport {
  let timer: NodeJS.Timeout | undefined;
  const told = new Map<string, string>();

  const tell = () => {
    for (const editor of vscode.window.visibleTextEditors) {
      const [first, last] = [editor.visibleRanges[0]?.start, editor.visibleRanges.at(-1)?.end];
      const uri = editor.document.uri.toString();
      const now = `${first?.line}:${last?.line}`;
      if (!first || !last || !server.running || !ours(editor.document) || told.get(uri) === now) {
        continue;
      }
      told.set(uri, now);
      const range = { start: { line: first.line, character: 0 }, end: { line: last.line + 1, character: 0 } };
      server.notify('fovea/visible', { textDocument: { uri }, range });
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(tell, REST);
  };
  const listeners = vscode.Disposable.from(
    vscode.window.onDidChangeTextEditorVisibleRanges(soon),
    vscode.window.onDidChangeVisibleTextEditors(soon),
    // A document that is opened anew is a new one to the server.
    vscode.workspace.onDidCloseTextDocument((document) => told.delete(document.uri.toString())),
    new vscode.Disposable(() => clearTimeout(timer)),
  );
  const again = () => {
    told.clear();
    soon();
  };
  return { again, dispose: () => void listeners.dispose() };
}
