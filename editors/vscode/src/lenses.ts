/** Beside each of the server's lenses a second one that explains the similarity. */
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

import { ours } from './documents';
import type { ShowSimilarArgs } from './protocol';
import { explainLens } from './settings';

/** The lenses that explain, with those of the server that they stand beside. */
const twins = new WeakMap<vscode.CodeLens, vscode.CodeLens>();

export const lenses: Middleware = {
  provideCodeLenses: async (document, token, next) => {
    const found = ours(document) ? await next(document, token) : undefined;
    if (!found || !explainLens()) {
      return found;
    }
    return found.flatMap((lens) => {
      const twin = new vscode.CodeLens(lens.range);
      twins.set(twin, lens);
      return [lens, twin];
    });
  },
  resolveCodeLens: async (lens, token, next) => {
    const original = twins.get(lens);
    if (!original) {
      return next(lens, token);
    }
    const resolved = await next(original, token);
    const argument = resolved?.command?.arguments?.[0] as ShowSimilarArgs | undefined;
    lens.command = { title: 'explain', command: 'fovea.explainSimilarity', arguments: [argument], tooltip: 'Why are they similar?' };
    return lens;
  },
};
