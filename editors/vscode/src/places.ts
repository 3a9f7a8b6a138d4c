/** Converts and formats places of the server. */
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

/** The readable place of an item; for one in a store, with the name of its folder. */
export function placeOf(item: SimilarItem): string {
  const line = item.selection.start.line;
  return item.store ? `${item.store.folder}: ${item.store.path}:${line + 1}` : label(vscode.Uri.parse(item.uri), line);
}

/** The type or function that contains an item and its place: `in Session · src/sessions.py:12`. */
export function describe(item: SimilarItem): string {
  return item.container ? `in ${item.container} · ${placeOf(item)}` : placeOf(item);
}

/** Opens the web page of an item in a store; without one, shows its place. */
export async function openPage(item: SimilarItem): Promise<void> {
  if (/^https?:/.test(item.uri)) {
    await vscode.env.openExternal(vscode.Uri.parse(item.uri, true));
    return;
  }
  void vscode.window.showInformationMessage(`Fovea: ${item.name} is in ${placeOf(item)}. Nobody said which page shows it (fovea index --link).`);
}

/** The icon of an item's kind. */
export function icon(item: SimilarItem): string {
  return { function: 'symbol-method', type: 'symbol-class', heading: 'symbol-string' }[item.kind] ?? 'symbol-misc';
}
