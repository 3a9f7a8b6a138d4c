/** Whether the explanation can be trusted: the effect of deleting the marked words, compared with random ones. */
import * as vscode from 'vscode';

import type { Trust, TrustArgs } from '../protocol';
import { type Core, front } from './core';
import { patiently } from './progress';

/** The length of the longest bar in cells. */
const CELLS = 24;

/** What the curve shows. */
const CHANGES = {
  embedding: 'How far the embedding turns (1 - cosine)',
  similarity: 'How far the similarity falls',
  answer: 'How far the score of the answer falls',
};

/** Judges the explanation of the unit at the cursor. */
export async function judgeAtCursor(core: Core): Promise<Trust | undefined> {
  const editor = front();
  return editor && judge(core, { uri: editor.document.uri.toString(), position: editor.selection.active });
}

/** Judges an explanation. The verdict is a sentence; the curve is shown on request. */
export async function judge(core: Core, asked: TrustArgs): Promise<Trust | undefined> {
  const answer = await patiently('Judging the explanation', (token, report) =>
    core.server.executeReporting<Trust | null>('fovea.trust', [asked], token, report),
  );
  if (!answer) {
    const why = 'question' in asked ? 'The text has changed, and the answer is not there any more; ask again.' : 'There is no text under the cursor to judge.';
    void vscode.window.showInformationMessage(why);
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
  const most = Math.max(...answer.curve.map(([, change]) => change), answer.random, Number.MIN_VALUE);
  const row = (label: string, change: number): vscode.QuickPickItem => ({
    label: '█'.repeat(Math.max(0, Math.round((change / most) * CELLS))) || '▏',
    description: `${change.toFixed(3)}  ${label}`,
  });
  const words = (count: number): string => (count === 1 ? '1 word' : `${count} words`);
  const marked = answer.curve.map(([count, turn]) => row(`without the ${words(count)} of the highest scores`, turn));
  return [...marked, row(`without ${words(answer.deleted)} at random, mean of ${answer.sets} draws`, answer.random)];
}

async function showCurve(answer: Trust): Promise<void> {
  await vscode.window.showQuickPick(curveRows(answer), { title: CHANGES[answer.target], placeHolder: answer.sentence });
}
