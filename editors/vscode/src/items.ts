/** The item around a position with its similar items, from the server's code actions: only they have the range of the whole item. */
import * as vscode from 'vscode';

import type { Server } from './client';
import { range } from './places';
import type { Passage, ShowSimilarArgs, SimilarItem } from './protocol';

export interface Item {
  uri: vscode.Uri;
  name: string;
  /** The range of its name. */
  selection: vscode.Range;
  /** The whole item. */
  range: vscode.Range;
  /** The similar items, best first. */
  similar: SimilarItem[];
}

interface Action {
  command?: { command: string; arguments?: unknown[] };
}

/** The item at a position; undefined if there are no similar items, or if the document is not analyzed yet. */
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

/** The item of a lens or a code action; missing parts are requested. */
export async function itemOf(server: Server, given: ShowSimilarArgs): Promise<Item | undefined> {
  const uri = vscode.Uri.parse(given.uri);
  const selection = range(given.range);
  if (!given.similar) {
    return itemAt(server, uri, selection.start);
  }
  return { uri, name: given.name ?? '', selection, range: selection, similar: given.similar };
}

