/** The class that the user's probe gives an item: which words decided, and a better label if it is wrong. */
import * as vscode from 'vscode';

import { range } from '../places';
import type { AnswerWord, ClassifyAnswer, ClassifyArgs, RelabelAnswer } from '../protocol';
import { type Core, done, front } from './core';
import { patiently } from './progress';

/** The number of words in the list. */
const NAMED = 8;

interface Pick extends vscode.QuickPickItem {
  word?: AnswerWord;
  /** The right label. */
  relabel?: string;
  /** Asks for a label that the probe does not have yet. */
  other?: boolean;
}

export async function classify(core: Core, given?: ClassifyArgs): Promise<ClassifyAnswer | undefined> {
  const editor = given ? undefined : front();
  const asked = given ?? (editor && { uri: editor.document.uri.toString(), position: editor.selection.active });
  if (!asked) {
    return undefined;
  }
  const answer = await patiently('looking which words decided', (token) =>
    core.server.execute<ClassifyAnswer>('fovea.classify', [asked], token),
  );
  // The command ends although the list stays.
  void choose(core, asked, answer);
  return answer;
}

/** Adds the right label and trains the probe again. */
export async function relabel(core: Core, { uri, position }: ClassifyArgs, label: string): Promise<RelabelAnswer> {
  const answer = await patiently('learning from the label', (token) =>
    core.server.execute<RelabelAnswer>('fovea.relabel', [{ uri, position, label }], token),
  );
  done(`Learned from ${answer.items} labels; ${Math.round(100 * answer.accuracy)} % are right`);
  return answer;
}

async function choose(core: Core, asked: ClassifyArgs, answer: ClassifyAnswer): Promise<void> {
  const title = `${answer.name}: ${answer.classes.map(({ label, probability }) => `${label} ${percent(probability)}`).join(', ')}`;
  const chosen = await vscode.window.showQuickPick(picks(answer), { title, placeHolder: `Words that decided for ${answer.label}` });
  const label = chosen?.other ? await vscode.window.showInputBox({ title: 'The right label', prompt: answer.name }) : chosen?.relabel;
  if (label) {
    await relabel(core, asked, label);
  } else if (chosen?.word) {
    const editor = await vscode.window.showTextDocument(vscode.Uri.parse(asked.uri));
    const place = range(chosen.word.range);
    editor.selection = new vscode.Selection(place.start, place.end);
    editor.revealRange(place, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }
}

function picks(answer: ClassifyAnswer): Pick[] {
  const words = [...answer.words].sort((a, b) => Math.abs(b.score) - Math.abs(a.score)).slice(0, NAMED);
  const named: Pick[] = words.map((word) => ({
    label: `$(${word.score > 0 ? 'add' : 'remove'}) ${word.text}`,
    description: `${word.score > 0 ? '+' : ''}${word.score.toFixed(2)} · line ${word.range.start.line + 1}`,
    word,
  }));
  if (!answer.labelsFile) {
    return named;
  }
  const others = answer.classes.filter(({ label }) => label !== answer.label);
  return [
    ...named,
    { label: 'Wrong?', kind: vscode.QuickPickItemKind.Separator },
    ...others.map(({ label }): Pick => ({ label: `$(edit) It is ${label}`, description: 'adds the label and learns again', relabel: label })),
    { label: '$(edit) It is something else…', other: true },
  ];
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
