/** Marks an answer in the text: its span, and its most important words, each with the word of the question that it answers. */
import * as vscode from 'vscode';

import { range } from '../places';
import type { AnswerWord, Range } from '../protocol';

/** A word is marked if its score is at least this share of the best word's score. */
const SHARE = 0.25;

export interface Marked {
  uri: string;
  range: Range;
  words: AnswerWord[];
}

export class AnswerMarks {
  private readonly span = vscode.window.createTextEditorDecorationType({
    // An outline, since comments would be hard to read on a background.
    outline: '1px solid',
    outlineColor: new vscode.ThemeColor('fovea.answer'),
  });
  private readonly words = vscode.window.createTextEditorDecorationType({
    fontWeight: 'bold',
    textDecoration: 'underline',
  });
  private readonly listeners: vscode.Disposable[] = [];

  /** The meaning of a marked word, for its hover. */
  constructor(private readonly meaning = 'carries the answer') {}

  /** `selected`: the editor's selection already marks the answer. */
  show(found: Marked, selected = false): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const here = editor.document.uri.toString() === vscode.Uri.parse(found.uri).toString();
      editor.setDecorations(this.span, here && !selected ? [range(found.range)] : []);
      editor.setDecorations(this.words, here ? carrying(found).map((word) => decoration(word, this.meaning)) : []);
    }
  }

  /** The marks of the chosen answer stay until its document is edited or another editor becomes active. */
  keep(found: Marked, selected = false): void {
    this.show(found, selected);
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

/** The most important words of an answer, in order. */
export function carrying(found: Marked): AnswerWord[] {
  const most = Math.max(...found.words.map(({ score }) => score), 0);
  return found.words.filter(({ score }) => score > 0 && score >= SHARE * most);
}

function decoration({ range: place, question, score }: AnswerWord, meaning: string): vscode.DecorationOptions {
  const why = question ? `answers “${question}”` : meaning;
  return { range: range(place), hoverMessage: `Fovea: ${why} (+${score.toFixed(2)})` };
}
