/** Places as the server tells them, for the editor and for people. */
import * as vscode from 'vscode';

import type { Range, SimilarItem } from './protocol';

export function range({ start, end }: Range): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

/** The path below the workspace, or the last two parts of it. */
export function shortPath(uri: vscode.Uri): string {
  if (vscode.workspace.getWorkspaceFolder(uri)) {
    return vscode.workspace.asRelativePath(uri);
  }
  return uri.path.split('/').filter(Boolean).slice(-2).join('/');
}

/** `src/config.rs:12`, lines counted from one. */
export function label(uri: vscode.Uri, line: number): string {
  return `${shortPath(uri)}:${line + 1}`;
}

/** The icon of an item's kind. */
export function icon(item: SimilarItem): string {
  return { function: 'symbol-method', type: 'symbol-class', heading: 'symbol-string' }[item.kind] ?? 'symbol-misc';
}
