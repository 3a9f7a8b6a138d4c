/**
 * Lenses: adds a second one beside each lens of the server, which explains the similarity.
 *
 * While a document is being analyzed, the server cannot resolve a lens. VS Code would still show the old lens, but without its command. So
 * such a lens keeps its title, and asks the server after a click.
 */
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

import { ours } from './documents';
import type { ShowSimilarArgs } from './protocol';
import { explainLens } from './settings';

/** The maximum number of stored titles; a lens without one has a shorter title until it is resolved again. */
const MOST_TITLES = 2000;

/** The explaining lenses, with the server's lenses beside them. */
const twins = new WeakMap<vscode.CodeLens, vscode.CodeLens>();
/** The document of each lens. */
const homes = new WeakMap<vscode.CodeLens, vscode.Uri>();
/** The last title of a lens, by its document and line. */
const titles = new Map<string, string>();

type Resolve = (lens: vscode.CodeLens, token: vscode.CancellationToken) => vscode.ProviderResult<vscode.CodeLens>;

/** The command of a lens, or one that asks again if the server has none now. */
async function commandOf(lens: vscode.CodeLens, token: vscode.CancellationToken, next: Resolve): Promise<vscode.Command | undefined> {
  const uri = homes.get(lens);
  const key = `${uri?.toString()}#${lens.range.start.line}`;
  const resolved = await Promise.resolve(next(lens, token)).catch(() => undefined);
  if (resolved?.command) {
    if (titles.size >= MOST_TITLES) {
      titles.clear();
    }
    titles.set(key, resolved.command.title);
    return resolved.command;
  }
  const { start, end } = lens.range;
  const argument = uri && { uri: uri.toString(), range: { start, end } };
  return argument && { title: titles.get(key) ?? '≈', command: 'fovea.showSimilar', arguments: [argument] };
}

export const lenses: Middleware = {
  provideCodeLenses: async (document, token, next) => {
    const found = ours(document) ? await next(document, token) : undefined;
    found?.forEach((lens) => homes.set(lens, document.uri));
    if (!found || !explainLens()) {
      return found;
    }
    return found.flatMap((lens) => {
      // A lens that names a class already has its command, and nothing to compare.
      if (lens.command) {
        return [lens];
      }
      const twin = new vscode.CodeLens(lens.range);
      twins.set(twin, lens);
      return [lens, twin];
    });
  },
  resolveCodeLens: async (lens, token, next) => {
    const command = await commandOf(twins.get(lens) ?? lens, token, next);
    if (!command) {
      return lens;
    }
    const argument = command.arguments?.[0] as ShowSimilarArgs | undefined;
    lens.command = twins.has(lens)
      ? { title: 'compare', command: 'fovea.explainSimilarity', arguments: [argument], tooltip: 'What do they share?' }
      : command;
    return lens;
  },
};
