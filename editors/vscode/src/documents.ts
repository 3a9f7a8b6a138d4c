/** The documents that are analyzed, and the middleware that hides all others from the server. */
import * as vscode from 'vscode';
import type { DocumentSelector, Middleware } from 'vscode-languageclient/node';

/**
 * A selector with every language and no scheme. VS Code gives it a low score, so that the language's own server comes first where there is
 * an order. The guard hides documents that are not text of the user, such as the output panel.
 */
export const SELECTOR: DocumentSelector = [{ language: '*' }];

const SCHEMES = new Set(['file', 'untitled', 'vscode-notebook-cell', 'vscode-remote', 'vscode-vfs']);

export function ours(document: vscode.TextDocument): boolean {
  const scheme = document.uri.scheme;
  return SCHEMES.has(scheme) || (vscode.workspace.workspaceFolders ?? []).some((folder) => folder.uri.scheme === scheme);
}

/** Schemes of views of the editor that are documents only for its API. */
const VIEWS = new Set(['output', 'debug', 'comment', 'chat-editing-text-model', 'vscode-interactive-input', 'vscode-terminal', 'search-editor']);

export function isView(document: vscode.TextDocument): boolean {
  return VIEWS.has(document.uri.scheme);
}

/** The reason why a foreign document is not analyzed. */
export function foreign(document: vscode.TextDocument): string | undefined {
  return ours(document) ? undefined : `It belongs to no open folder (its address begins with ${document.uri.scheme}:)`;
}

/** The open folders in which only open documents can be found, since the server reads only files. */
export function virtualFolders(): string[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme !== 'file').map(({ name }) => name);
}

/**
 * Passes on only analyzed documents, and changes only while the server runs. The client would start a server that has ended to tell it of a
 * change; a server that starts gets all open documents anyway.
 */
export function guard(runs: () => boolean): Middleware {
  const told = (document: vscode.TextDocument) => runs() && ours(document);
  return {
    didOpen: async (document, next) => {
      if (told(document)) {
        await next(document);
      }
    },
    didChange: async (event, next) => {
      if (told(event.document)) {
        await next(event);
      }
    },
    didSave: async (document, next) => {
      if (told(document)) {
        await next(document);
      }
    },
    didClose: async (document, next) => {
      if (told(document)) {
        await next(document);
      }
    },
    provideHover: (document, position, token, next) => (ours(document) ? next(document, position, token) : undefined),
    provideCodeActions: (document, range, context, token, next) => (ours(document) ? next(document, range, context, token) : undefined),
  };
}
