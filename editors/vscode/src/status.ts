/** The item in the status bar: the state of the server and of the active document. */
import * as vscode from 'vscode';

import type { Life } from './client';
import { inWords } from './commands/maps';
import { foreign, isView, virtualFolders } from './documents';
import type { IndexParams, StatusParams } from './protocol';

/** Milliseconds of work before the item shows it; shorter work would only distract. */
const PATIENCE = 400;

const DEFAULT_METHOD = 'decomposition';

/** The known state of the server. */
export interface Known {
  life: Life;
  /** The reason why it is broken. */
  reason?: string | undefined;
  /** Its last status; undefined before the first. */
  status?: StatusParams | undefined;
}

/** The content of the item. */
export interface Look {
  text: string;
  /** Lines of the tooltip. */
  lines: string[];
  severity: 'plain' | 'warning' | 'error';
}

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('fovea.status', vscode.StatusBarAlignment.Right, 90);
  private readonly listener: vscode.Disposable;
  private known: Known = { life: 'stopped' };
  private busySince: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** The last active document of the user; focusing a view such as Output does not change it. */
  private document: vscode.TextDocument | undefined;
  private drawn: Look = { text: '', lines: [], severity: 'plain' };

  constructor() {
    this.item.name = 'Fovea';
    this.item.command = 'fovea.showMenu';
    this.listener = vscode.Disposable.from(
      vscode.window.onDidChangeActiveTextEditor((editor) => this.front(editor)),
      vscode.workspace.onDidCloseTextDocument((document) => {
        if (document === this.document) {
          this.document = undefined;
          this.draw();
        }
      }),
    );
    this.front(vscode.window.activeTextEditor);
    this.item.show();
  }

  set(known: Known): void {
    this.known = known;
    this.busySince = known.status?.state === 'busy' ? (this.busySince ?? Date.now()) : undefined;
    this.draw();
  }

  /** The current content. */
  get look(): Look {
    return this.drawn;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.listener.dispose();
    this.item.dispose();
  }

  private front(editor: vscode.TextEditor | undefined): void {
    if (!editor || !isView(editor.document)) {
      this.document = editor?.document;
    }
    this.draw();
  }

  private draw(): void {
    clearTimeout(this.timer);
    const waited = this.busySince === undefined ? 0 : Date.now() - this.busySince;
    if (this.busySince !== undefined && waited < PATIENCE) {
      this.timer = setTimeout(() => this.draw(), PATIENCE - waited);
    }
    this.drawn = look(this.known, this.document, waited >= PATIENCE);
    this.item.text = this.drawn.text;
    this.item.tooltip = tooltip(this.drawn.lines);
    this.item.accessibilityInformation = { label: this.drawn.lines.join(', '), role: 'button' };
    this.item.backgroundColor =
      this.drawn.severity === 'plain' ? undefined : new vscode.ThemeColor(`statusBarItem.${this.drawn.severity}Background`);
  }
}

function tooltip(lines: string[]): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const [title = '', ...rest] = lines;
  text.appendMarkdown('**').appendText(title).appendMarkdown('**');
  for (const line of rest) {
    text.appendMarkdown('\n\n').appendText(line);
  }
  text.appendMarkdown('\n\n---\n\nClick for the menu');
  return text;
}

/** The reason why a document is not analyzed. */
export function inactive(status: StatusParams | undefined, document: vscode.TextDocument | undefined): string | undefined {
  const reason = document && !isView(document) && foreign(document);
  if (reason) {
    return reason;
  }
  return told(status?.inactive, document);
}

/** The reason for a document in a list of the status. */
function told(list: StatusParams['inactive'] | undefined, document: vscode.TextDocument | undefined): string | undefined {
  // Server and editor may escape a URI differently.
  const wanted = document?.uri.toString();
  return list?.find((each) => vscode.Uri.parse(each.uri).toString() === wanted)?.reason;
}

/** The content for a state. `busy`: whether the server has been busy long enough to show it. */
export function look(known: Known, document: vscode.TextDocument | undefined, busy: boolean): Look {
  const { life, status } = known;
  if (life === 'broken') {
    return { text: '$(error) Fovea', lines: ['Fovea is not running', known.reason ?? ''], severity: 'error' };
  }
  if (life === 'stopped') {
    return { text: '$(circle-slash) Fovea', lines: ['Fovea is stopped'], severity: 'plain' };
  }
  if (life === 'starting' || !status || status.state === 'loading') {
    return { text: '$(loading~spin) Fovea', lines: ['Fovea is starting', 'The model is being loaded.'], severity: 'plain' };
  }
  if (status.state === 'failed') {
    return { text: '$(error) Fovea', lines: ['Fovea has no model', status.message ?? ''], severity: 'error' };
  }
  const method = status.maps ? `${status.method} ${inWords(status.maps)}` : status.method;
  const colors = { quiet: 'colors: quiet', full: 'colors: full', off: 'colors off' }[status.preset ?? (status.heat ? 'full' : 'off')];
  const facts = [`${status.model ?? 'no model'} · ${method} · ${colors}`, ...indexed(status.index), ...stored(status.store)];
  if (status.state === 'paused') {
    return { text: '$(debug-pause) Fovea', lines: ['Fovea is paused', ...facts], severity: 'warning' };
  }
  const reason = inactive(status, document);
  if (reason) {
    const lines = ['This document is not analyzed', sentence(reason), ...facts];
    return { text: '$(circle-slash) Fovea', lines, severity: 'plain' };
  }
  const unparsed = told(status.unparsed, document);
  if (unparsed) {
    facts.push(`No functions and types here: ${unparsed}.`);
  }
  const icon = busy ? '$(sync~spin)' : '$(eye)';
  const title = busy ? 'Fovea is reading' : 'Fovea';
  // The default method is not shown, and the editor shows the progress of the index itself.
  const shown = method === DEFAULT_METHOD ? '' : ` ${method}`;
  return { text: `${icon} Fovea${shown}`, lines: [title, ...facts], severity: 'plain' };
}

function stored(store: StatusParams['store']): string[] {
  if (!store) {
    return [];
  }
  return [store.state === 'away' ? `The store ${store.place} does not answer: ${store.why ?? ''}` : `Fovea also asks the store ${store.place}.`];
}

function indexed(index: IndexParams | undefined): string[] {
  const names = virtualFolders();
  const virtual = names.length > 0 ? [`Fovea can find only open documents of ${names.join(', ')}, as this folder is virtual.`] : [];
  if (!index) {
    return virtual;
  }
  const items = `Fovea can find ${index.items.toLocaleString()} functions, types and sections`;
  const now = {
    waiting: 'The index waits for the model.',
    battery: 'Indexing waits until the machine is plugged in.',
    indexing: `Indexing: ${index.done ?? 0} of ${index.total ?? '?'} files.`,
    cancelled: 'Indexing was stopped.',
    ready: '',
  }[index.state];
  return [now ? `${now} ${items}.` : `${items}.`, ...index.refused.map((reason) => `Not indexed: ${reason}`), ...virtual];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}
