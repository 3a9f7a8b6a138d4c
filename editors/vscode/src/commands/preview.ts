/** Shows a place while the user moves through a list, and goes back if the user chooses none. */
import * as vscode from 'vscode';

import { openPage, range } from '../places';
import type { SimilarItem } from '../protocol';

/** The position of an item as a share of the editor's height: the list hides the part above. */
const BELOW_LIST = 0.45;
/** The assumed number of visible lines if the editor does not report it. */
const USUAL_LINES = 36;
/** Milliseconds until the editor has scrolled, and the number of corrections. */
const SETTLES = 40;
const CORRECTIONS = 6;

export class Preview {
  private readonly home = vscode.window.activeTextEditor;
  private readonly homeIsPreview = vscode.window.tabGroups.activeTabGroup.activeTab?.isPreview ?? false;
  private readonly selections = this.home?.selections;
  private readonly top = this.home?.visibleRanges[0]?.start.line;
  private readonly lines = this.home && Math.max(8, (this.home.visibleRanges.at(-1)?.end.line ?? USUAL_LINES) - (this.top ?? 0));
  private readonly before = new Set(tabs().map(key));
  private readonly mark = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('editor.rangeHighlightBackground'),
    borderColor: new vscode.ThemeColor('fovea.foundBorder'),
    borderStyle: 'solid',
    borderWidth: '0 0 0 3px',
    isWholeLine: true,
  });
  private marked: vscode.TextEditor | undefined;
  /** Serializes steps; of the waiting steps, only the last one is executed. */
  private turn: Promise<void> = Promise.resolve();
  private wanted: SimilarItem | undefined;
  private over = false;

  show(near: SimilarItem): Promise<void> {
    this.wanted = near;
    return this.then(async () => {
      if (this.wanted === near && !this.over) {
        await this.open(near, true);
      }
    });
  }

  /** Goes to an item and stays there. */
  keep(near: SimilarItem): Promise<void> {
    this.over = true;
    return this.then(async () => {
      await this.open(near, false);
      this.mark.dispose();
    });
  }

  /** Goes back, unless an item was kept. */
  restore(): Promise<void> {
    if (this.over) {
      return this.turn;
    }
    this.over = true;
    return this.then(async () => {
      this.mark.dispose();
      if (!this.marked) {
        return;
      }
      const opened = tabs().filter((tab) => tab.isPreview && !this.before.has(key(tab)));
      if (this.home) {
        const column = this.home.viewColumn ?? vscode.ViewColumn.Active;
        const editor = await vscode.window.showTextDocument(this.home.document, { viewColumn: column, preview: this.homeIsPreview });
        editor.selections = this.selections ?? editor.selections;
        await this.scrollBack(editor);
      }
      await vscode.window.tabGroups.close(opened.filter((tab) => tabs().includes(tab)));
    });
  }

  /**
   * Scrolls back to the lines from before.
   *
   * Revealing a line at the top leaves room for sticky lines, and the editor reports its position late, so the position is corrected.
   */
  private async scrollBack(editor: vscode.TextEditor): Promise<void> {
    const wanted = this.top;
    for (let turn = 0; wanted !== undefined && turn < CORRECTIONS; turn++) {
      await new Promise((resolve) => setTimeout(resolve, SETTLES));
      const missing = wanted - (editor.visibleRanges[0]?.start.line ?? wanted);
      if (missing !== 0) {
        const to = missing > 0 ? 'down' : 'up';
        await vscode.commands.executeCommand('editorScroll', { to, by: 'line', value: Math.abs(missing), revealCursor: false });
      } else if (turn > 0) {
        return;
      }
    }
  }

  private then(step: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(step).catch(() => undefined);
    return this.turn;
  }

  private async open(near: SimilarItem, preview: boolean): Promise<void> {
    if (near.store) {
      // A preview does not open a browser.
      await (preview ? undefined : openPage(near));
      return;
    }
    const name = range(near.selection);
    // A preview marks the item, because a selection below the tints would be hard to read.
    const selection = preview ? new vscode.Range(name.start, name.start) : name;
    const options = { preview, preserveFocus: preview, selection };
    const editor = await vscode.window.showTextDocument(vscode.Uri.parse(near.uri), options);
    if (preview) {
      const top = Math.max(0, near.range.start.line - Math.floor((this.lines ?? USUAL_LINES) * BELOW_LIST));
      editor.revealRange(new vscode.Range(top, 0, top, 0), vscode.TextEditorRevealType.AtTop);
    } else {
      editor.revealRange(range(near.range), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    }
    if (this.marked !== editor) {
      this.marked?.setDecorations(this.mark, []);
    }
    this.marked = editor;
    editor.setDecorations(this.mark, [range(near.range)]);
  }
}

function tabs(): vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap((group) => group.tabs);
}

function key(tab: vscode.Tab): string {
  const input = tab.input;
  const uri = input instanceof vscode.TabInputText ? input.uri.toString() : tab.label;
  return `${tab.group.viewColumn} ${uri}`;
}
