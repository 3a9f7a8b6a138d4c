/** Marks what a list shows in the text: a span, and the words that carry it, each with the word of a question that it answers. */
import * as vscode from 'vscode';

import { range } from '../places';
import type { AnswerWord, Range } from '../protocol';

/** A word is marked if it adds at least this share of what the best word adds. */
const SHARE = 0.25;

export interface Marked {
  uri: string;
  range: Range;
  words: AnswerWord[];
}

export class AnswerMarks {
  private readonly span = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('editor.findMatchHighlightBackground'),
  });
  private readonly words = vscode.window.createTextEditorDecorationType({
    fontWeight: 'bold',
    textDecoration: 'underline',
  });
  private readonly listeners: vscode.Disposable[] = [];

  /** The meaning of a marked word, for its hover. */
  constructor(private readonly meaning = 'carries the answer') {}

  show(found: Marked): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const here = editor.document.uri.toString() === vscode.Uri.parse(found.uri).toString();
      editor.setDecorations(this.span, here ? [range(found.range)] : []);
      editor.setDecorations(this.words, here ? carrying(found).map((word) => decoration(word, this.meaning)) : []);
    }
  }

  /** The marks of the chosen answer stay until its document is edited or another editor becomes active. */
  keep(found: Marked): void {
    this.show(found);
    const uri = vscode.Uri.parse(found.uri).toString();
    this.listeners.push(
      vscode.workspace.onDidChangeTextDocument(({ document }) => document.uri.toString() === uri && this.dispose()),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor?.document.uri.toString() !== uri && this.dispose()),
    );
  }

  dispose(): void {
    this.span.dispose();
    this.words.dispose();
    this.listeners.forEach((listener) => void listener.dispose());
  }
}

/** The words that carry an answer, in order. */
export function carrying(found: Marked): AnswerWord[] {
  const most = Math.max(...found.words.map(({ score }) => score), 0);
  return found.words.filter(({ score }) => score > 0 && score >= SHARE * most);
}

function decoration({ range: place, question, score }: AnswerWord, meaning: string): vscode.DecorationOptions {
  const why = question ? `answers “${question}”` : meaning;
  return { range: range(place), hoverMessage: `Fovea: ${why} (+${score.toFixed(2)})` };
}
