/**
 * Draws heat. The editor moves decorations with the text, so they are drawn again only after a new result or when new lines become
 * visible. So nothing flickers while typing.
 */
import * as vscode from 'vscode';

import type { HeatParams } from '../protocol';
import { edited, type Lines, take, type Told } from './lines';
import { type HeatStyle, palette, type Palette, RULER_LEVEL, toneOf, TONES } from './palette';

/** The number of lines that are drawn above and below the visible ones, for scrolling. */
const MARGIN = 200;

/** The maximum number of lines in the overview ruler; a file with more shows the first ones. */
const MOST_RULED = 3000;

interface Heat {
  /** The last heat of the server; the next message may contain only changes to it. */
  told: Told;
  /** The heat on the screen: the last heat of a current version, moved by the edits since. */
  lines: Lines;
  /** The last message that was drawn. */
  drawn?: HeatParams;
}

export interface DrawOptions {
  style: HeatStyle;
  /** The lowest level that is drawn. */
  from: number;
  ruler: boolean;
  /** The brightness factor for text on heat. */
  brightness: number;
}

/** The heat of a document for tests and commands. */
export interface Shown {
  version: number;
  method: string;
  complete: boolean;
  words: { line: number; start: number; end: number; level: number }[];
  unread: number;
}

export class Drawing implements vscode.Disposable {
  private readonly heats = new Map<string, Heat>();
  /** The drawn lines of an editor, and their turn. The editor object changes when its tab is shown again. */
  private readonly windows = new WeakMap<vscode.TextEditor, { first: number; last: number; turn: number }>();
  private turns = 0;
  private readonly drew = new vscode.EventEmitter<vscode.Uri>();
  private readonly listeners: vscode.Disposable[];
  private palette: Palette;

  /** Fires when a document's heat was drawn. */
  readonly onDidDraw = this.drew.event;

  constructor(private options: DrawOptions) {
    this.palette = palette(options.style, options.brightness);
    this.listeners = [
      vscode.workspace.onDidChangeTextDocument((event) => this.edit(event)),
      vscode.workspace.onDidCloseTextDocument((document) => this.heats.delete(document.uri.toString())),
      vscode.window.onDidChangeVisibleTextEditors((editors) => editors.forEach((editor) => this.draw(editor))),
      vscode.window.onDidChangeTextEditorVisibleRanges((event) => this.scrolled(event.textEditor)),
    ];
  }

  /** Merges a message, even if it is not drawn, because the next one may contain only changes. */
  take(uri: vscode.Uri, params: HeatParams): void {
    const key = uri.toString();
    const known = this.heats.get(key);
    const told = take(known?.told, params);
    if (!told) {
      // The drawn lines stay until the server sends the whole heat.
      return;
    }
    const heat = known ?? { told, lines: [] };
    heat.told = told;
    this.heats.set(key, heat);
    const editors = vscode.window.visibleTextEditors.filter((editor) => editor.document.uri.toString() === key);
    const document = editors[0]?.document ?? vscode.workspace.textDocuments.find((open) => open.uri.toString() === key);
    if (document?.version !== params.version) {
      return;
    }
    heat.lines = told.lines;
    heat.drawn = params;
    for (const editor of editors) {
      this.draw(editor);
    }
    this.drew.fire(uri);
  }

  /** Draws everything again with other options. */
  restyle(options: DrawOptions): void {
    const before = this.options;
    this.options = options;
    if (options.style !== before.style || options.brightness !== before.brightness) {
      this.palette.dispose();
      this.palette = palette(options.style, options.brightness);
    }
    vscode.window.visibleTextEditors.forEach((editor) => this.draw(editor));
  }

  /** Removes all heat after the server has ended. */
  clear(): void {
    this.heats.clear();
    vscode.window.visibleTextEditors.forEach((editor) => this.draw(editor));
  }

  shown(uri: vscode.Uri): Shown | undefined {
    const heat = this.heats.get(uri.toString());
    if (!heat?.drawn) {
      return undefined;
    }
    const words = heat.lines.flatMap((line, number) =>
      (line ?? []).map(([start, end, level]) => ({ line: number, start, end, level })),
    );
    const { version, method, complete } = heat.drawn;
    return { version, method, complete, words, unread: heat.told.unread.length };
  }

  dispose(): void {
    this.listeners.forEach((listener) => listener.dispose());
    this.drew.dispose();
    this.palette.dispose();
  }

  private edit(event: vscode.TextDocumentChangeEvent): void {
    const heat = this.heats.get(event.document.uri.toString());
    if (!heat) {
      return;
    }
    for (const change of event.contentChanges) {
      heat.lines = edited(heat.lines, change.range, change.text);
    }
  }

  private scrolled(editor: vscode.TextEditor): void {
    const drawn = this.windows.get(editor);
    const [first, last] = onScreen(editor);
    const least = MARGIN / 2;
    if (!drawn || first - least < drawn.first || last + least > drawn.last) {
      this.draw(editor);
    }
  }

  private draw(editor: vscode.TextEditor): void {
    const heat = this.heats.get(editor.document.uri.toString());
    if (!heat && !this.windows.has(editor)) {
      return;
    }
    const [top, bottom] = onScreen(editor);
    // There are no lines beyond the ends, so the range is unlimited there.
    const first = top - MARGIN <= 0 ? -Infinity : top - MARGIN;
    const last = bottom + MARGIN >= editor.document.lineCount ? Infinity : bottom + MARGIN;
    const turn = ++this.turns;
    this.windows.set(editor, { first, last, turn });
    const buckets = Array.from({ length: TONES }, (): vscode.Range[] => []);
    const lines = heat?.lines ?? [];
    for (let line = Math.max(0, first); line <= Math.min(lines.length - 1, last); line++) {
      for (const [start, end, level] of lines[line] ?? []) {
        if (level >= this.options.from) {
          buckets[toneOf(level)]?.push(new vscode.Range(line, start, line, end));
        }
      }
    }
    this.palette.tones.forEach((type, tone) => editor.setDecorations(type, buckets[tone] ?? []));
    this.drawRuler(editor, lines);
    this.drawUnread(editor, heat);
    void this.confirm(editor, turn);
  }

  /**
   * Checks that no edit happened while decorations were sent. They have no version: lines computed before the user pressed Enter may arrive
   * after it, and would stay one line off. The next answer of the window follows every edit before the drawing; if there was one, the moved
   * heat is drawn again.
   */
  private async confirm(editor: vscode.TextEditor, turn: number): Promise<void> {
    const { version } = editor.document;
    await vscode.commands.executeCommand('setContext', 'fovea.drawn', turn);
    if (editor.document.version !== version && this.windows.get(editor)?.turn === turn && vscode.window.visibleTextEditors.includes(editor)) {
      this.draw(editor);
    }
  }

  /** Draws the lines with the most heat of the whole document in the overview ruler. */
  private drawRuler(editor: vscode.TextEditor, lines: Lines): void {
    const marks: vscode.Range[] = [];
    for (let line = 0; this.options.ruler && line < lines.length && marks.length < MOST_RULED; line++) {
      if ((lines[line] ?? []).some(([, , level]) => level >= RULER_LEVEL)) {
        marks.push(new vscode.Range(line, 0, line, 0));
      }
    }
    editor.setDecorations(this.palette.ruler, marks);
  }

  private drawUnread(editor: vscode.TextEditor, heat: Heat | undefined): void {
    if (heat && heat.told.version !== editor.document.version) {
      // The drawn marks move with the text.
      return;
    }
    const stretches = (heat?.told.unread ?? []).map(({ range, reason }) => ({
      range: new vscode.Range(range.start.line, range.start.character, range.end.line, range.end.character),
      hoverMessage: `Fovea: ${reason}`,
    }));
    editor.setDecorations(this.palette.unread, stretches);
  }
}

/** The first and the last visible line, including folded lines between them. */
function onScreen(editor: vscode.TextEditor): [number, number] {
  const ranges = editor.visibleRanges;
  return [ranges[0]?.start.line ?? 0, ranges.at(-1)?.end.line ?? 0];
}
