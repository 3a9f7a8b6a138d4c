/** Whether the words that are colored can be trusted: what deleting them does, beside deleting random ones. */
import * as vscode from 'vscode';

import type { Trust } from '../protocol';
import { type Core, front } from './core';
import { patiently } from './progress';

/** Judges the explanation of the unit under the cursor. */
export async function trust(core: Core): Promise<void> {
  const editor = front();
  if (!editor) {
    return;
  }
  const asked = { uri: editor.document.uri.toString(), position: editor.selection.active };
  const answer = await patiently('Judging the explanation', (token, report) =>
    core.server.executeReporting<Trust | null>('fovea.trust', [asked], token, report),
  );
  await vscode.window.showInformationMessage(answer?.sentence ?? 'There is no text under the cursor to judge.');
}
