/**
 * What the word under the cursor draws on, as document highlights.
 *
 * VS Code shows those of the first provider that has any. Our selector scores lower than that of a language's own server, and as high
 * as that of the editor's own marks of equal words; of two such the one that was registered last is asked first. These come with the
 * first editor, so ours are registered after it.
 */
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

import type { Server } from './client';
import { ours } from './documents';
import { range } from './places';
import type { Range } from './protocol';

const METHOD = 'textDocument/documentHighlight';

/** Keeps the client from registering highlights at once. */
export const later: Middleware = {
  handleRegisterCapability: async (params, next) => {
    const registrations = params.registrations.filter((registration) => registration.method !== METHOD);
    await next({ registrations }, new vscode.CancellationTokenSource().token);
  },
};

interface Highlight {
  range: Range;
  /** 1 text, 2 read, 3 write. */
  kind?: 1 | 2 | 3;
}

export function provideHighlights(server: Server): vscode.Disposable {
  let provider: vscode.Disposable | undefined;
  const register = () => {
    if (!provider && vscode.window.visibleTextEditors.length > 0) {
      provider = vscode.languages.registerDocumentHighlightProvider({ language: '*' }, { provideDocumentHighlights });
    }
  };
  const provideDocumentHighlights: vscode.DocumentHighlightProvider['provideDocumentHighlights'] = async (document, position, token) => {
    if (!ours(document) || !server.running) {
      return undefined;
    }
    const params = { textDocument: { uri: document.uri.toString() }, position };
    // A document that changed meanwhile has none; the editor asks again.
    const found = await server.request<Highlight[] | null>(METHOD, params, token).catch(() => null);
    return found?.map((each) => new vscode.DocumentHighlight(range(each.range), (each.kind ?? 1) - 1));
  };
  register();
  const listener = vscode.window.onDidChangeVisibleTextEditors(register);
  return new vscode.Disposable(() => {
    listener.dispose();
    provider?.dispose();
  });
}
