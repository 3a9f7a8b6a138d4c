/** The hint of the first start: the meaning of the colors, and where to read more. */
import * as vscode from 'vscode';

import type { Drawing } from './heat/drawing';

const KEY = 'fovea.hintShown';

/** Shows the hint when the first colors are on the screen, once for each user. */
export function showHint(context: vscode.ExtensionContext, drawing: Drawing): void {
  if (context.globalState.get<boolean>(KEY)) {
    return;
  }
  const listener = drawing.onDidDraw((uri) => {
    if ((drawing.shown(uri)?.words.length ?? 0) === 0) {
      return;
    }
    listener.dispose();
    // Another window may have shown it already.
    if (context.globalState.get<boolean>(KEY)) {
      return;
    }
    void context.globalState.update(KEY, true);
    const tour = 'Show Me Around';
    const text = 'Fovea marks the words that tell most about each function. The item “Fovea” in the status bar explains the colors and turns them off.';
    void vscode.window.showInformationMessage(text, tour).then((choice) => {
      if (choice === tour) {
        void vscode.commands.executeCommand('fovea.openWalkthrough');
      }
    });
  });
  context.subscriptions.push(listener);
}
