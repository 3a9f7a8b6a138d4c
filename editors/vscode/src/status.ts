/** The item in the status bar: what the server does, and what it says of the document in front. */
import * as vscode from 'vscode';

import type { Life } from './client';
import { inWords } from './commands/maps';
import { foreign, virtualFolders } from './documents';
import type { IndexParams, StatusParams } from './protocol';

/** Milliseconds of work after which the item says so: shorter work is not worth a movement at the edge of the eye. */
const PATIENCE = 400;

/** What is known of the server. */
export interface Known {
  life: Life;
  /** Why it is broken. */
  reason?: string | undefined;
  /** Its last word; undefined before it spoke. */
  status?: StatusParams | undefined;
}

/** What the item shows. */
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
  private drawn: Look = { text: '', lines: [], severity: 'plain' };

  constructor() {
    this.item.name = 'Fovea';
    this.item.command = 'fovea.showMenu';
    this.listener = vscode.window.onDidChangeActiveTextEditor(() => this.draw());
    this.draw();
    this.item.show();
  }

  set(known: Known): void {
    this.known = known;
    this.busySince = known.status?.state === 'busy' ? (this.busySince ?? Date.now()) : undefined;
    this.draw();
  }

  /** What is shown now. */
  get look(): Look {
    return this.drawn;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.listener.dispose();
    this.item.dispose();
  }

  private draw(): void {
    clearTimeout(this.timer);
    const waited = this.busySince === undefined ? 0 : Date.now() - this.busySince;
    if (this.busySince !== undefined && waited < PATIENCE) {
      this.timer = setTimeout(() => this.draw(), PATIENCE - waited);
    }
    this.drawn = look(this.known, vscode.window.activeTextEditor?.document, waited >= PATIENCE);
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

/** The reason why a document is not analysed. */
export function inactive(status: StatusParams | undefined, document: vscode.TextDocument | undefined): string | undefined {
  const reason = document && foreign(document);
  if (reason) {
    return reason;
  }
  // Server and editor may escape a URI differently.
  const wanted = document?.uri.toString();
  return status?.inactive.find((each) => vscode.Uri.parse(each.uri).toString() === wanted)?.reason;
}

/** `busy`: whether it has been busy for long enough to say so. */
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
  const facts = [`${status.model ?? 'no model'} · ${method}${status.heat ? '' : ' · heat off'}`, ...indexed(status.index), ...stored(status.store)];
  if (status.state === 'paused') {
    return { text: '$(debug-pause) Fovea', lines: ['Fovea is paused', ...facts], severity: 'warning' };
  }
  const reason = inactive(status, document);
  if (reason) {
    const lines = ['This document is not analysed', sentence(reason), ...facts];
    return { text: '$(circle-slash) Fovea', lines, severity: 'plain' };
  }
  const indexing = status.index?.state === 'indexing';
  const icon = busy ? '$(sync~spin)' : '$(eye)';
  const progress = indexing && status.index?.total ? ` ${status.index.done ?? 0}/${status.index.total}` : '';
  const title = busy ? 'Fovea is reading' : 'Fovea';
  return { text: `${icon} Fovea ${method}${progress}`, lines: [title, ...facts], severity: 'plain' };
}

function stored(store: StatusParams['store']): string[] {
  if (!store) {
    return [];
  }
  return [store.state === 'away' ? `The store ${store.place} is away: ${store.why ?? ''}` : `The store ${store.place} is asked as well.`];
}

function indexed(index: IndexParams | undefined): string[] {
  const names = virtualFolders();
  const virtual = names.length > 0 ? [`Only open documents can be found of ${names.join(', ')}, which is virtual.`] : [];
  if (!index) {
    return virtual;
  }
  const items = `${index.items.toLocaleString()} items can be found`;
  const now = {
    waiting: 'The index waits for the model.',
    battery: 'Indexing waits for the machine to be plugged in.',
    indexing: `Indexing: ${index.done ?? 0} of ${index.total ?? '?'} files.`,
    cancelled: 'Indexing was stopped.',
    ready: '',
  }[index.state];
  return [now ? `${now} ${items}.` : `${items}.`, ...index.refused.map((reason) => `Not indexed: ${reason}`), ...virtual];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}
