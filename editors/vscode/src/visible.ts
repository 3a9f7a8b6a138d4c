/** Tells the server which lines are visible, so that it reads those first. */
import * as vscode from 'vscode';

import type { Server } from './client';
import { ours } from './documents';

/** Milliseconds without scrolling. */
const REST = 120;

export interface VisibleReport extends vscode.Disposable {
  /** Sends everything again to a new server. */
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
    // A reopened document is new for the server.
    vscode.workspace.onDidCloseTextDocument((document) => told.delete(document.uri.toString())),
    new vscode.Disposable(() => clearTimeout(timer)),
  );
  const again = () => {
    told.clear();
    soon();
  };
  return { again, dispose: () => void listeners.dispose() };
}
