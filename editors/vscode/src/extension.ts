/** Fovea in VS Code: what a transformer attends to in the open document. */
import * as vscode from 'vscode';

import { Server } from './client';
import type { Core } from './commands/core';
import { registerCommands } from './commands/register';
import { report } from './commands/report';
import { Drawing, type Shown } from './heat/drawing';
import { later, provideHighlights } from './highlights';
import { lenses } from './lenses';
import { Panel } from './panel/panel';
import { drawOptions } from './settings';
import { type Known, type Look, StatusItem } from './status';
import { reportVisible } from './visible';

/** What the extension tells others, the tests first of all. */
export interface Api {
  heat(uri: vscode.Uri): Shown | undefined;
  onDidDraw: vscode.Event<vscode.Uri>;
  status(): Known;
  look(): Look;
  panel(): unknown;
  report(): string;
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const output = vscode.window.createOutputChannel('Fovea', { log: true });
  const drawing = new Drawing(drawOptions());
  const item = new StatusItem();
  const panel = new Panel(context.extensionUri);
  let known: Known = { life: 'stopped' };
  const know = (news: Partial<Known>) => {
    known = { ...known, ...news };
    item.set(known);
    void vscode.commands.executeCommand('setContext', 'fovea.running', known.life === 'running');
    void vscode.commands.executeCommand('setContext', 'fovea.paused', known.status?.state === 'paused');
  };

  const server = new Server(
    context,
    output,
    {
      heat: (params) => drawing.take(vscode.Uri.parse(params.uri), params),
      status: (status) => know({ status }),
      life: (life, reason) => {
        // What a former server said no longer holds.
        know(life === 'running' ? { life, reason } : { life, reason, status: undefined });
        if (life === 'running') {
          visible.again();
        } else if (life !== 'starting') {
          drawing.clear();
        }
      },
    },
    { ...lenses, ...later },
  );
  const visible = reportVisible(server);
  const core: Core = { context, server, drawing, panel, known: () => known };
  context.subscriptions.push(
    output,
    drawing,
    item,
    panel,
    visible,
    server,
    provideHighlights(server),
    registerCommands(core),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('fovea.client')) {
        drawing.restyle(drawOptions());
      }
      if (event.affectsConfiguration('fovea.server')) {
        void server.restart();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void server.restart()),
  );
  // The editor is not kept waiting for a model to load.
  void server.start();
  return {
    heat: (uri) => drawing.shown(uri),
    onDidDraw: drawing.onDidDraw,
    status: () => known,
    look: () => item.look,
    panel: () => panel.shown,
    report: () => report(core),
  };
}
