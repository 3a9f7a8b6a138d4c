/** Fovea in VS Code: what a transformer attends to in the open document. */
import * as vscode from 'vscode';

import { Server } from './client';
import type { Core } from './commands/core';
import { registerCommands } from './commands/register';
import { report } from './commands/report';
import { type Drawn, DrawsOnBoxes, noHighlights } from './drawson';
import { Drawing, type Shown } from './heat/drawing';
import { textBrightness } from './heat/theme';
import { showHint } from './hint';
import { lenses } from './lenses';
import { ModelView } from './modelview';
import { Panel } from './panel/panel';
import { drawOptions } from './settings';
import { type Known, type Look, StatusItem } from './status';
import { reportVisible } from './visible';

/** The API for other extensions, which the tests use. */
export interface Api {
  heat(uri: vscode.Uri): Shown | undefined;
  onDidDraw: vscode.Event<vscode.Uri>;
  drawsOn(): Drawn | undefined;
  status(): Known;
  look(): Look;
  panel(): unknown;
  report(): string;
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const output = vscode.window.createOutputChannel('Fovea', { log: true });
  let brightness = await textBrightness(context.extension.packageJSON);
  const drawing = new Drawing({ ...drawOptions(), brightness });
  const item = new StatusItem();
  const panel = new Panel(context.extensionUri, () => known.status?.preset ?? 'full');
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
        // The status of the previous server is no longer valid.
        know(life === 'running' ? { life, reason } : { life, reason, status: undefined });
        if (life === 'running') {
          visible.again();
          boxes.again();
        } else if (life !== 'starting') {
          drawing.clear();
        }
      },
    },
    { ...lenses, ...noHighlights },
  );
  const visible = reportVisible(server);
  const boxes = new DrawsOnBoxes(server);
  let themes = 0;
  const restyle = async () => {
    const turn = (themes += 1);
    const wanted = await textBrightness(context.extension.packageJSON);
    // A later theme may have been read faster.
    if (turn === themes) {
      brightness = wanted;
      drawing.restyle({ ...drawOptions(), brightness });
    }
  };
  const modelView = new ModelView(context.extensionUri, server);
  const core: Core = { context, server, drawing, boxes, panel, modelView, known: () => known };
  context.subscriptions.push(
    output,
    drawing,
    item,
    panel,
    modelView,
    visible,
    server,
    boxes,
    registerCommands(core),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('fovea.client')) {
        drawing.restyle({ ...drawOptions(), brightness });
      }
      // The event of the theme may come before the event of its name.
      if (event.affectsConfiguration('workbench') || event.affectsConfiguration('window.autoDetectColorScheme')) {
        void restyle();
      }
      if (event.affectsConfiguration('fovea.server')) {
        void server.restart();
      }
    }),
    vscode.window.onDidChangeActiveColorTheme(() => void restyle()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void server.restart()),
  );
  showHint(context, drawing);
  // The activation does not wait until the model is loaded.
  void server.start();
  return {
    heat: (uri) => drawing.shown(uri),
    onDidDraw: drawing.onDidDraw,
    drawsOn: () => boxes.shown,
    status: () => known,
    look: () => item.look,
    panel: () => panel.shown,
    report: () => report(core),
  };
}
