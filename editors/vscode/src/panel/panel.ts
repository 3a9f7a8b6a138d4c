/** The panel, which shows a comparison, an explanation or the legend. There is only one panel. */
import * as vscode from 'vscode';

import { label } from '../places';
import type { ComparedRow, Comparison, Explanation, WrittenAnswer } from '../protocol';
import { page } from './html';
import type { Message, Request, View } from './messages';
import { nameOf } from './text';
import { type AskedWord, pairView, type Related, type Stretch, stretches, unitView } from './views';

/** A passage of a document, with the text that was explained. */
export interface Shown {
  uri: vscode.Uri;
  range: vscode.Range;
  name: string;
  text: string;
  language: string;
}

/** The location of a part of the view. */
interface Home {
  uri: vscode.Uri;
  /** Of the document's text. */
  offset: number;
  text: string;
  /** By word, in `text`. */
  words: Stretch[];
}

/** What a comparison can ask the server. */
export interface Asks {
  /** The row of a word. */
  row: (side: 'a' | 'b', word: number, token: vscode.CancellationToken) => Promise<ComparedRow>;
  /** Whether it can be trusted; the answer is shown as a message. */
  trust: () => void;
}

export class Panel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private view: View | undefined;
  private homes: Home[] = [];
  private turn = 0;
  private asks: Asks | undefined;
  private asking: vscode.CancellationTokenSource | undefined;

  constructor(
    private readonly root: vscode.Uri,
    private readonly preset: () => string,
  ) {}

  /** The current view. */
  get shown(): View | undefined {
    return this.panel && this.view;
  }

  showPair(a: Shown, b: Shown, answer: Comparison, asks: Asks): void {
    const told = (side: Shown) => ({
      title: side.name || nameOf(side.text),
      place: label(side.uri, side.range.start.line),
      language: side.language,
      text: side.text,
    });
    const homes = [a, b].map((side, index) => ({
      uri: side.uri,
      range: side.range,
      text: side.text,
      words: stretches(side.text, [answer.a, answer.b][index]?.words ?? []),
    }));
    this.asks = asks;
    // Two passages side by side need the width of a whole editor.
    this.show('Comparison', vscode.ViewColumn.Active, pairView(told(a), told(b), answer, (this.turn += 1)), homes);
  }

  /** `whole`: the answer is about one selection. `asked`: it is about a word. */
  showExplanation(document: vscode.TextDocument, answer: Explanation, { whole, asked }: { whole?: boolean; asked?: AskedWord }): void {
    const text = document.getText();
    const at = (offset: number) => Buffer.from(text, 'utf8').subarray(0, offset).toString('utf8').length;
    const units = answer.units.map((unit) => {
      const [start, end] = [at(unit.start.byte), at(unit.end.byte)];
      const own = text.slice(start, end);
      const view = unitView(own, unit, label(document.uri, unit.start.line), answer, asked && { ...asked, related: shifted(asked.related, -start) });
      const words = stretches(own, unit.words, unit.start.byte);
      const stretch = new vscode.Range(document.positionAt(start), document.positionAt(end));
      return { view: whole ? { ...view, title: 'The selection' } : view, home: { uri: document.uri, range: stretch, text: own, words } };
    });
    const title = asked ? 'Why does this word matter?' : whole ? 'Which words tell most about the selection?' : 'Which words tell most?';
    const view: View = { kind: 'explanation', title, units: units.map((unit) => unit.view) };
    this.show(asked ? 'Why?' : 'Telling Words', vscode.ViewColumn.Beside, view, units.map(({ home }) => home));
  }

  /** Shows a written answer. `read`: the passages that the model read, in order. */
  showAnswer(question: string, written: WrittenAnswer, read: Shown[]): void {
    const place = ({ uri, range }: Shown) => `${label(uri, range.start.line)}-${range.end.character > 0 ? range.end.line + 1 : range.end.line}`;
    const view: View = {
      kind: 'answer',
      question,
      model: written.model,
      sentences: written.sentences.map(({ text, sources, withoutAllTold }) => ({ text, sources, withoutAll: withoutAllTold })),
      passages: read.map((passage) => ({ place: place(passage), name: passage.name })),
      cut: written.cut,
    };
    const homes = read.map(({ uri, range, text }) => ({ uri, range, text, words: [{ start: 0, end: text.trimEnd().length }] }));
    this.show('Answer', vscode.ViewColumn.Beside, view, homes);
  }

  /** Shows the legend of the colors. */
  showLegend(): void {
    this.show('Colors', vscode.ViewColumn.Beside, { kind: 'legend', preset: this.preset() }, []);
  }

  dispose(): void {
    this.panel?.dispose();
  }

  private show(title: string, column: vscode.ViewColumn, view: View, parts: (Omit<Home, 'offset'> & { range: vscode.Range })[]): void {
    this.view = view;
    this.asking?.cancel();
    this.homes = parts.map(({ uri, range, text, words }) => {
      const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
      return { uri, offset: document?.offsetAt(range.start) ?? 0, text, words };
    });
    const panel = (this.panel ??= this.create(column));
    panel.title = title;
    panel.reveal(column === vscode.ViewColumn.Beside ? panel.viewColumn : column);
    this.post(view);
  }

  private post(message: Message): void {
    void this.panel?.webview.postMessage(message);
  }

  private create(column: vscode.ViewColumn): vscode.WebviewPanel {
    const columns = { viewColumn: column, preserveFocus: false };
    const roots = [vscode.Uri.joinPath(this.root, 'out'), vscode.Uri.joinPath(this.root, 'media')];
    const options = { enableScripts: true, localResourceRoots: roots, enableCommandUris: false, enableForms: false };
    const panel = vscode.window.createWebviewPanel('fovea.panel', 'Fovea', columns, options);
    panel.iconPath = vscode.Uri.joinPath(this.root, 'images', 'icon.png');
    panel.webview.onDidReceiveMessage((request: Request) => this.receive(request));
    panel.webview.html = page(panel.webview, {
      title: 'Fovea',
      script: vscode.Uri.joinPath(this.root, 'out', 'webview.js'),
      style: vscode.Uri.joinPath(this.root, 'media', 'panel.css'),
      body: '<main id="view" aria-busy="true"></main>\n<div id="live" class="unseen" role="status" aria-live="polite"></div>',
    });
    panel.onDidDispose(() => {
      this.panel = undefined;
    });
    return panel;
  }

  private receive(request: Request): void {
    switch (request.kind) {
      case 'ready':
        // A hidden panel loses its content.
        if (this.view) {
          this.post(this.view);
        }
        return;
      case 'reveal': {
        const home = this.homes[request.part];
        const word = home?.words[request.word];
        if (home && word) {
          void reveal(home, word);
        }
        return;
      }
      case 'row':
        void this.row(request);
        return;
      case 'trust':
        this.asks?.trust();
        return;
      case 'run':
        if (['fovea.setHeat', 'fovea.openWalkthrough', 'fovea.search'].includes(request.command)) {
          void vscode.commands.executeCommand(request.command);
        }
    }
  }

  /** Requests the row of the word under the pointer; a new word cancels the previous request. */
  private async row({ turn, side, word }: { turn: number; side: 0 | 1; word: number }): Promise<void> {
    this.asking?.cancel();
    const mine = (this.asking = new vscode.CancellationTokenSource());
    const answer = await this.asks?.row(side === 0 ? 'a' : 'b', word, mine.token).catch(() => undefined);
    if (answer?.scores && turn === this.turn && !mine.token.isCancellationRequested) {
      this.post({ kind: 'row', turn, side, word, scores: answer.scores });
    }
  }
}

function shifted(related: Related[], by: number): Related[] {
  return related.map((word) => ({ ...word, start: word.start + by, end: word.end + by }));
}

/** Selects a word in its document, unless the text there has changed since. */
async function reveal(home: Home, { start, end }: Stretch): Promise<void> {
  const document = await vscode.workspace.openTextDocument(home.uri);
  const from = document.positionAt(home.offset);
  const passage = new vscode.Range(from, document.positionAt(home.offset + home.text.length));
  if (document.getText(passage) !== home.text) {
    vscode.window.setStatusBarMessage('Fovea: the text has changed since it was explained', 4000);
    return;
  }
  const selection = new vscode.Range(document.positionAt(home.offset + start), document.positionAt(home.offset + end));
  // In the editor that shows the document, or else beside the panel.
  const shown = vscode.window.visibleTextEditors.find((editor) => editor.document === document)?.viewColumn;
  await vscode.window.showTextDocument(document, { viewColumn: shown ?? vscode.ViewColumn.Beside, selection });
}
