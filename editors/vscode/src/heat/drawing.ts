/**
 * Draws heat. The editor moves decorations with the text as it is edited, so they are drawn anew only when a result has come or when
 * lines come on screen that are not drawn yet: nothing flickers while typing.
 */
import * as vscode from 'vscode';

import type { HeatParams } from '../protocol';
import { edited, type Lines, take, type Told } from './lines';
import { type HeatStyle, palette, type Palette, RULER_LEVEL, toneOf, TONES } from './palette';

/** Lines that are drawn above and below those on screen, so that scrolling finds them drawn. */
const MARGIN = 200;

/** A file with more hot lines than this shows the first of them in the overview ruler. */
const MOST_RULED = 3000;

interface Heat {
  /** As the server told it last; the next message may build on it. */
  told: Told;
  /** What is on screen: the last heat of a version that was shown, moved through the edits since. */
  lines: Lines;
  /** Last message of which something was drawn. */
  drawn?: HeatParams;
}

export interface DrawOptions {
  style: HeatStyle;
  /** The lowest level that is drawn. */
  from: number;
  ruler: boolean;
  /** Factor for the text on heat. */
  brightness: number;
}

/** What a test or a command may ask of a document's heat. */
export interface Shown {
  version: number;
  method: string;
  complete: boolean;
  words: { line: number; start: number; end: number; level: number }[];
  unread: number;
}

export class Drawing implements vscode.Disposable {
  private readonly heats = new Map<string, Heat>();
  /** The lines that are drawn in an editor, and in which turn; as the editor object is new whenever its tab is. */
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

  /** Takes a message, whether it is drawn or not, as the next may build on it. */
  take(uri: vscode.Uri, params: HeatParams): void {
    const key = uri.toString();
    const known = this.heats.get(key);
    const told = take(known?.told, params);
    if (!told) {
      // Lines that are on screen stay until the server tells everything anew.
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

  /** Draws everything anew in another manner. */
  restyle(options: DrawOptions): void {
    const before = this.options;
    this.options = options;
    if (options.style !== before.style || options.brightness !== before.brightness) {
      this.palette.dispose();
      this.palette = palette(options.style, options.brightness);
    }
    vscode.window.visibleTextEditors.forEach((editor) => this.draw(editor));
  }

  /** Takes all heat away: the server is gone for good. */
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
    // Past both ends nothing is to be drawn, so that nothing is missing there either.
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
   * Decorations go to the window without a version: lines that were counted before somebody pressed Enter may arrive after it, and would
   * stay one line off while they type. The window's next answer comes behind every edit that it had when it drew; if there was any, what
   * has moved meanwhile is drawn once more.
   */
  private async confirm(editor: vscode.TextEditor, turn: number): Promise<void> {
    const { version } = editor.document;
    await vscode.commands.executeCommand('setContext', 'fovea.drawn', turn);
    if (editor.document.version !== version && this.windows.get(editor)?.turn === turn && vscode.window.visibleTextEditors.includes(editor)) {
      this.draw(editor);
    }
  }

  /** The hottest lines of the whole document in the overview ruler. */
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
      // Those that are drawn move with the text.
      return;
    }
    const stretches = (heat?.told.unread ?? []).map(({ range, reason }) => ({
      range: new vscode.Range(range.start.line, range.start.character, range.end.line, range.end.character),
      hoverMessage: `Fovea: ${reason}`,
    }));
    editor.setDecorations(this.palette.unread, stretches);
  }
}

/** The first and the last line on screen; folded lines between them count. */
function onScreen(editor: vscode.TextEditor): [number, number] {
  const ranges = editor.visibleRanges;
  return [ranges[0]?.start.line ?? 0, ranges.at(-1)?.end.line ?? 0];
}
