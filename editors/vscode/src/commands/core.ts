/** The objects that every command may use. */
import * as vscode from 'vscode';

import type { Server } from '../client';
import type { DrawsOnBoxes } from '../drawson';
import type { Drawing } from '../heat/drawing';
import type { ModelView } from '../modelview';
import type { Panel } from '../panel/panel';
import type { Known } from '../status';

export interface Core {
  context: vscode.ExtensionContext;
  server: Server;
  drawing: Drawing;
  boxes: DrawsOnBoxes;
  panel: Panel;
  modelView: ModelView;
  known(): Known;
}

/** Runs a command of the user; an error is shown with the server's text. */
export async function asked<T>(core: Core, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof vscode.CancellationError)) {
      const log = 'Show Log';
      const reason = error instanceof Error ? error.message : String(error);
      // The command does not wait until the user reads the message.
      void vscode.window.showWarningMessage(`Fovea: ${reason}`, log).then((choice) => choice && core.server.output.show());
    }
    return undefined;
  }
}

/** Shows briefly that something was done. */
export function done(text: string): void {
  vscode.window.setStatusBarMessage(`$(eye) ${text}`, 4000);
}

/** The active editor; shows a message if there is none. */
export function front(): vscode.TextEditor | undefined {
  const editor = vscode.window.activeTextEditor;
  if (!editor) {
    void vscode.window.showInformationMessage('Fovea: open a document first');
  }
  return editor;
}
