/** Whether the explanation can be trusted: the effect of deleting the marked words, compared with random ones. */
import * as vscode from 'vscode';

import type { Trust } from '../protocol';
import { type Core, front } from './core';
import { patiently } from './progress';

/** The length of the longest bar in cells. */
const CELLS = 24;

/** Judges the explanation of the unit at the cursor. */
export async function judgeAtCursor(core: Core): Promise<Trust | undefined> {
  const editor = front();
  return editor && judge(core, editor.document.uri, editor.selection.active);
}

/** Judges the explanation of the unit at a position. The verdict is a sentence; the curve is shown on request. */
export async function judge(core: Core, uri: vscode.Uri, position: vscode.Position): Promise<Trust | undefined> {
  const asked = { uri: uri.toString(), position };
  const answer = await patiently('Judging the explanation', (token, report) =>
    core.server.executeReporting<Trust | null>('fovea.trust', [asked], token, report),
  );
  if (!answer) {
    void vscode.window.showInformationMessage('There is no text under the cursor to judge.');
    return undefined;
  }
  const show = answer.curve.length > 0 ? ['Show the Curve'] : [];
  const said = answer.verdict === 'fails' ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
  // The message stays until the user answers it; the command does not wait for that.
  void said(answer.sentence, ...show).then((choice) => (choice === undefined ? undefined : showCurve(answer)));
  return answer;
}

/** The curve, one line per number of deleted words. */
export function curveRows(answer: Trust): vscode.QuickPickItem[] {
  const most = Math.max(...answer.curve.map(([, turn]) => turn), answer.random, Number.MIN_VALUE);
  const row = (label: string, turn: number): vscode.QuickPickItem => ({
    label: '█'.repeat(Math.round((turn / most) * CELLS)) || '▏',
    description: `${turn.toFixed(3)}  ${label}`,
  });
  const words = (count: number): string => (count === 1 ? '1 word' : `${count} words`);
  const marked = answer.curve.map(([count, turn]) => row(`without the ${words(count)} of the highest scores`, turn));
  return [...marked, row(`without ${words(answer.deleted)} at random, mean of ${answer.sets} draws`, answer.random)];
}

async function showCurve(answer: Trust): Promise<void> {
  await vscode.window.showQuickPick(curveRows(answer), { title: 'How far the embedding turns (1 - cosine)', placeHolder: answer.sentence });
}
