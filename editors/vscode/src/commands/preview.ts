/** Shows a place while a person moves through a list, and goes back where they were if they take none. */
import * as vscode from 'vscode';

import { openPage, range } from '../places';
import type { SimilarItem } from '../protocol';

export class Preview {
  private readonly home = vscode.window.activeTextEditor;
  private readonly selections = this.home?.selections;
  private readonly top = this.home?.visibleRanges[0];
  private readonly before = new Set(tabs().map(key));
  private readonly mark = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('editor.rangeHighlightBackground'),
    borderColor: new vscode.ThemeColor('fovea.foundBorder'),
    borderStyle: 'solid',
    borderWidth: '0 0 0 3px',
    isWholeLine: true,
  });
  private marked: vscode.TextEditor | undefined;
  /** Steps follow one another; of those that wait the last alone is taken. */
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

  /** Goes there for good. */
  keep(near: SimilarItem): Promise<void> {
    this.over = true;
    return this.then(async () => {
      await this.open(near, false);
      this.mark.dispose();
    });
  }

  /** Goes back, unless something was kept. */
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
        const editor = await vscode.window.showTextDocument(this.home.document, { viewColumn: column, preview: false });
        editor.selections = this.selections ?? editor.selections;
        if (this.top) {
          editor.revealRange(this.top, vscode.TextEditorRevealType.AtTop);
        }
      }
      await vscode.window.tabGroups.close(opened.filter((tab) => tabs().includes(tab)));
    });
  }

  private then(step: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(step).catch(() => undefined);
    return this.turn;
  }

  private async open(near: SimilarItem, preview: boolean): Promise<void> {
    if (near.store) {
      // Nobody wants a browser for each line that the cursor passes.
      await (preview ? undefined : openPage(near));
      return;
    }
    const name = range(near.selection);
    // While somebody only looks, the item is marked: a selection below the tints would be hard to read.
    const selection = preview ? new vscode.Range(name.start, name.start) : name;
    const options = { preview, preserveFocus: preview, selection };
    const editor = await vscode.window.showTextDocument(vscode.Uri.parse(near.uri), options);
    editor.revealRange(range(near.range), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
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
