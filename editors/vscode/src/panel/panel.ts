/** The panel beside the editor: why two passages are similar, or which words carry a passage. One panel, shown anew each time. */
import * as vscode from 'vscode';

import { label } from '../places';
import type { Comparison, Explanation } from '../protocol';
import { page } from './html';
import type { Request, View } from './messages';
import { pairView, unitView } from './views';

/** A passage of a document, with the text that was explained. */
export interface Shown {
  uri: vscode.Uri;
  range: vscode.Range;
  name: string;
  text: string;
  language: string;
}

/** Where a part of the view stands. */
interface Home {
  uri: vscode.Uri;
  /** Of the document's text. */
  offset: number;
  text: string;
}

export class Panel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private view: View | undefined;
  private homes: Home[] = [];

  constructor(private readonly root: vscode.Uri) {}

  /** What is shown now. */
  get shown(): View | undefined {
    return this.panel && this.view;
  }

  showPair(a: Shown, b: Shown, answer: Comparison): void {
    const told = (side: Shown) => ({
      title: side.name || firstWords(side.text),
      place: label(side.uri, side.range.start.line),
      language: side.language,
      text: side.text,
    });
    const homes = [a, b].map((side) => ({ uri: side.uri, range: side.range, text: side.text }));
    // Two passages side by side need the width of a whole editor.
    this.show('Why Similar', vscode.ViewColumn.Active, pairView(told(a), told(b), answer), homes);
  }

  /** `selection`: what was explained as one unit; each unit of the document without it. */
  showExplanation(document: vscode.TextDocument, answer: Explanation, selection?: vscode.Range): void {
    const text = document.getText();
    const at = (byte: number) => Buffer.from(text, 'utf8').subarray(0, byte).toString('utf8').length;
    const units = answer.units.map((unit) => {
      const [start, end] = [at(unit.start.byte), at(unit.end.byte)];
      const view = unitView(text.slice(start, end), unit, label(document.uri, unit.start.line));
      return { view: selection ? { ...view, title: 'selection' } : view, range: new vscode.Range(document.positionAt(start), document.positionAt(end)) };
    });
    const title = selection ? 'Which words carry the selection' : 'Which words carry the document';
    const view: View = { kind: 'explanation', title, method: answer.method, model: answer.model, units: units.map((unit) => unit.view) };
    this.show('Explanation', vscode.ViewColumn.Beside, view, units.map((unit) => ({ uri: document.uri, range: unit.range, text: unit.view.text })));
  }

  dispose(): void {
    this.panel?.dispose();
  }

  private show(title: string, column: vscode.ViewColumn, view: View, parts: { uri: vscode.Uri; range: vscode.Range; text: string }[]): void {
    this.view = view;
    this.homes = parts.map(({ uri, range, text }) => {
      const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
      return { uri, offset: document?.offsetAt(range.start) ?? 0, text };
    });
    const panel = (this.panel ??= this.create(column));
    panel.title = title;
    panel.reveal(column === vscode.ViewColumn.Beside ? panel.viewColumn : column);
    void panel.webview.postMessage(view);
  }

  private create(column: vscode.ViewColumn): vscode.WebviewPanel {
    const columns = { viewColumn: column, preserveFocus: false };
    const roots = [vscode.Uri.joinPath(this.root, 'out'), vscode.Uri.joinPath(this.root, 'media')];
    const options = { enableScripts: true, localResourceRoots: roots, enableCommandUris: false, enableForms: false };
    const panel = vscode.window.createWebviewPanel('fovea.panel', 'Fovea', columns, options);
    panel.iconPath = vscode.Uri.joinPath(this.root, 'images', 'icon.png');
    panel.webview.onDidReceiveMessage((request: Request) => this.receive(request));
    panel.webview.html = page(panel.webview, this.root, 'Fovea');
    panel.onDidDispose(() => {
      this.panel = undefined;
    });
    return panel;
  }

  private receive(request: Request): void {
    if (request.kind === 'ready') {
      // A panel that was hidden has forgotten what it showed.
      if (this.view) {
        void this.panel?.webview.postMessage(this.view);
      }
      return;
    }
    const home = this.homes[request.part];
    if (request.kind === 'reveal' && home && Number.isInteger(request.start) && Number.isInteger(request.end)) {
      void reveal(home, request.start, request.end);
    }
  }
}

/** Selects a word in its document, unless the text there has changed since. */
async function reveal(home: Home, start: number, end: number): Promise<void> {
  const document = await vscode.workspace.openTextDocument(home.uri);
  const from = document.positionAt(home.offset);
  const passage = new vscode.Range(from, document.positionAt(home.offset + home.text.length));
  if (document.getText(passage) !== home.text) {
    vscode.window.setStatusBarMessage('Fovea: the text has changed since', 4000);
    return;
  }
  const selection = new vscode.Range(document.positionAt(home.offset + start), document.positionAt(home.offset + end));
  // Where the document is on screen, or else beside the panel, which stays.
  const shown = vscode.window.visibleTextEditors.find((editor) => editor.document === document)?.viewColumn;
  await vscode.window.showTextDocument(document, { viewColumn: shown ?? vscode.ViewColumn.Beside, selection });
}

function firstWords(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > 50 ? `${line.slice(0, 50)}…` : line;
}
