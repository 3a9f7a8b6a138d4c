/**
 * The page of `fovea view` as a panel, which shows what the model does with a document. It uses no port: the page asks the extension, and
 * the extension asks the language server.
 */
import * as vscode from 'vscode';

import type { Server } from './client';
import { page } from './panel/html';

/** Milliseconds without changes of cursor and text before the page follows them. */
const REST = 150;

/** A question of the page, or its request to follow the editor. */
type Message = { id: number; path: string } | { follow: true };

interface ViewAnswer {
  json?: unknown;
  base64?: string;
}

interface Shown {
  panel: vscode.WebviewPanel;
  follows: boolean;
  timer?: NodeJS.Timeout;
}

export class ModelView implements vscode.Disposable {
  private readonly shown = new Map<string, Shown>();
  private readonly listeners: vscode.Disposable[];

  constructor(
    private readonly root: vscode.Uri,
    private readonly server: Server,
  ) {
    this.listeners = [
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.later(textEditor.document.uri)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.later(document.uri)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.shown.get(uri.toString())?.panel.dispose()),
    ];
  }

  /** Opens a panel beside a document, or shows the existing one. */
  open(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    const known = this.shown.get(key);
    if (known) {
      known.panel.reveal(undefined, true);
      return;
    }
    const title = `Model: ${document.uri.path.split('/').at(-1)}`;
    const bundle = vscode.Uri.joinPath(this.root, 'out', 'view');
    const panel = vscode.window.createWebviewPanel(
      'fovea.model',
      title,
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: true, localResourceRoots: [bundle], retainContextWhenHidden: true },
    );
    const shown: Shown = { panel, follows: false };
    this.shown.set(key, shown);
    panel.iconPath = vscode.Uri.joinPath(this.root, 'images', 'icon.png');
    panel.onDidDispose(() => {
      clearTimeout(shown.timer);
      this.shown.delete(key);
    });
    panel.webview.onDidReceiveMessage((message: Message) => {
      if ('follow' in message) {
        shown.follows = true;
        void this.tell(document.uri, shown);
      } else {
        void this.answer(document.uri, shown, message);
      }
    });
    panel.webview.html = page(panel.webview, {
      title: 'Fovea',
      script: vscode.Uri.joinPath(bundle, 'page.js'),
      module: true,
      style: vscode.Uri.joinPath(bundle, 'page.css'),
      body: '<div id="page"></div>',
      policy: 'img-src data: blob:',
    });
  }

  dispose(): void {
    for (const { panel } of this.shown.values()) {
      panel.dispose();
    }
    for (const listener of this.listeners) {
      listener.dispose();
    }
  }

  private async answer(uri: vscode.Uri, shown: Shown, { id, path }: { id: number; path: string }): Promise<void> {
    try {
      const params = { textDocument: { uri: uri.toString() }, path };
      const answer = await this.server.request<ViewAnswer>('fovea/view', params);
      await shown.panel.webview.postMessage({ id, ...answer });
    } catch (error) {
      await shown.panel.webview.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  private later(uri: vscode.Uri): void {
    const shown = this.shown.get(uri.toString());
    if (shown?.follows) {
      clearTimeout(shown.timer);
      shown.timer = setTimeout(() => void this.tell(uri, shown), REST);
    }
  }

  /** Tells the page of the text's version and of the unit at the cursor. */
  private async tell(uri: vscode.Uri, shown: Shown): Promise<void> {
    const editor = vscode.window.visibleTextEditors.find((each) => each.document.uri.toString() === uri.toString());
    const position = editor?.selection.active;
    const params = { textDocument: { uri: uri.toString() }, path: 'now', ...(position ? { position } : {}) };
    // A document that cannot be explained has nothing to follow; the page shows that after its next question.
    const news = await this.server.request<ViewAnswer>('fovea/view', params).catch(() => undefined);
    if (news && this.shown.has(uri.toString())) {
      await shown.panel.webview.postMessage({ news: news.json });
    }
  }
}
