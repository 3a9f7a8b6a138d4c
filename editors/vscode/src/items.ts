/** The item around a place with what resembles it, read from the server's code actions: they alone tell the range of the whole item. */
import * as vscode from 'vscode';

import type { Server } from './client';
import { range } from './places';
import type { Passage, ShowSimilarArgs, SimilarItem } from './protocol';

export interface Item {
  uri: vscode.Uri;
  name: string;
  /** Where its name stands. */
  selection: vscode.Range;
  /** The whole item. */
  range: vscode.Range;
  /** What resembles it, best first. */
  similar: SimilarItem[];
}

interface Action {
  command?: { command: string; arguments?: unknown[] };
}

/** Undefined where nothing resembles the item, or where the document is not read yet. */
export async function itemAt(server: Server, uri: vscode.Uri, position: vscode.Position): Promise<Item | undefined> {
  const at = { start: position, end: position };
  const params = { textDocument: { uri: uri.toString() }, range: at, context: { diagnostics: [], only: ['fovea'] } };
  const actions = (await server.request<Action[] | null>('textDocument/codeAction', params)) ?? [];
  const argumentsOf = (name: string) =>
    actions.flatMap(({ command }) => (command?.command === name && command.arguments ? [command.arguments] : []));
  const shown = argumentsOf('fovea.showSimilar').map(([argument]) => argument as ShowSimilarArgs);
  const here = argumentsOf('fovea.comparePassages')[0]?.[0] as Passage | undefined;
  const [first] = shown;
  if (!first || !here || !('range' in here)) {
    return undefined;
  }
  const similar = shown.flatMap((argument) => argument.similar ?? []);
  return { uri, name: first.name ?? '', selection: range(first.range), range: range(here.range), similar };
}

/** The item of a lens or a code action; what these leave out is asked for. */
export async function itemOf(server: Server, given: ShowSimilarArgs): Promise<Item | undefined> {
  const uri = vscode.Uri.parse(given.uri);
  const selection = range(given.range);
  if (!given.similar) {
    return itemAt(server, uri, selection.start);
  }
  return { uri, name: given.name ?? '', selection, range: selection, similar: given.similar };
}

