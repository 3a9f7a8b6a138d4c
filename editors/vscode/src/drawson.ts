/**
 * Boxes around the words that the word at the cursor draws on.
 *
 * VS Code shows the document highlights of only one provider, so Fovea's would hide the occurrences of a language server or the editor.
 * Therefore the boxes are decorations, and the extension registers no highlight provider.
 */
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

import type { Server } from './client';
import { ours } from './documents';
import { range } from './places';
import type { DrawsOn } from './protocol';
import { WORDS } from './webview/syntax';

/** Milliseconds that the cursor rests before the server is asked. */
const REST = 150;

const HIGHLIGHT = 'textDocument/documentHighlight';

/** Keeps the client from registering a highlight provider, now and later. */
export const noHighlights: Middleware = {
  handleRegisterCapability: async (params, next) => {
    const registrations = params.registrations.filter((registration) => registration.method !== HIGHLIGHT);
    await next({ registrations }, new vscode.CancellationTokenSource().token);
  },
  provideDocumentHighlights: () => undefined,
};

/** The words that have boxes now. */
export interface Drawn {
  uri: vscode.Uri;
  words: { range: vscode.Range; strength: number }[];
}

export class DrawsOnBoxes implements vscode.Disposable {
  private readonly types = [1, 2, 3].map((strength) =>
    vscode.window.createTextEditorDecorationType({
      // An outline is outside the word, so that underscores stay visible.
      outline: `1px ${strength === 1 ? 'dotted' : 'solid'}`,
      outlineColor: new vscode.ThemeColor(`fovea.drawsOn${strength}`),
      borderRadius: '3px',
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    }),
  );
  private readonly listeners: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private asked: vscode.CancellationTokenSource | undefined;
  private editor: vscode.TextEditor | undefined;
  private drawn: Drawn | undefined;

  constructor(private readonly server: Server) {
    this.listeners = vscode.Disposable.from(
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, kind }) => {
        // There are no boxes at a place that a command opens, because the user did not choose a word there.
        if (kind === vscode.TextEditorSelectionChangeKind.Keyboard || kind === vscode.TextEditorSelectionChangeKind.Mouse) {
          this.moved(textEditor);
        } else {
          this.clear();
        }
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.clear()),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (document === this.editor?.document && contentChanges.length > 0) {
          this.clear();
        }
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('fovea.highlight') || event.affectsConfiguration('fovea.enable')) {
          this.again();
        }
      }),
    );
  }

  get shown(): Drawn | undefined {
    return this.drawn;
  }

  /** Asks again about the word at the cursor, because the answer may have changed. */
  again(): void {
    if (this.editor && this.editor === vscode.window.activeTextEditor) {
      this.moved(this.editor);
    }
  }

  dispose(): void {
    this.clear();
    this.listeners.dispose();
    this.types.forEach((type) => type.dispose());
  }

  private moved(editor: vscode.TextEditor): void {
    if (editor !== vscode.window.activeTextEditor) {
      return;
    }
    this.clear();
    this.editor = editor;
    if (editor.selections.length === 1 && editor.selection.isEmpty && ours(editor.document)) {
      this.timer = setTimeout(() => void this.ask(editor), REST);
    }
  }

  private clear(): void {
    clearTimeout(this.timer);
    this.asked?.cancel();
    this.asked = undefined;
    if (this.drawn && this.editor) {
      for (const type of this.types) {
        this.editor.setDecorations(type, []);
      }
    }
    this.drawn = undefined;
  }

  private async ask(editor: vscode.TextEditor): Promise<void> {
    const { document, selection } = editor;
    const wanted = vscode.workspace.getConfiguration('fovea', document).get<boolean>('highlight.enable', true);
    if (!wanted || !this.server.running) {
      return;
    }
    const mine = (this.asked = new vscode.CancellationTokenSource());
    const params = { textDocument: { uri: document.uri.toString() }, position: selection.active };
    // A document that is being analyzed has no answer yet; the next move of the cursor asks again.
    const answer = await this.server.request<DrawsOn | null>('fovea/drawsOn', params, mine.token).catch(() => null);
    if (mine !== this.asked || mine.token.isCancellationRequested || !answer || answer.version !== document.version) {
      return;
    }
    const told = (stretch: vscode.Range) => {
      const text = document.getText(stretch);
      return /[\p{L}\p{N}]/u.test(text) && !WORDS.has(text);
    };
    // Keywords and punctuation are omitted, because they tell the user nothing.
    const words = (told(range(answer.word)) ? answer.words : [])
      .map((word) => ({ range: range(word.range), strength: Math.min(3, Math.max(1, word.strength)) }))
      .filter((word) => told(word.range));
    this.drawn = { uri: document.uri, words };
    this.types.forEach((type, index) => {
      const ranges = words.filter(({ strength }) => strength === index + 1).map((word) => word.range);
      editor.setDecorations(type, ranges);
    });
  }
}
