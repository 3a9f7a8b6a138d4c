/** The commands that links in Fovea's hovers run. VS Code runs only these five from a hover. */
import * as vscode from 'vscode';

import { range } from '../places';
import type { CompareItemsArgs, GoToArgs, Trust, TrustArgs, WhyArgs } from '../protocol';
import { compare } from './compare';
import type { Core } from './core';
import { explainWord } from './explain';
import { judge, judgeAtCursor } from './trust';

/** Closes the hover of a link, because it would cover the result. */
function leave(): void {
  void vscode.commands.executeCommand('editor.action.hideHover').then(undefined, () => undefined);
}

export async function goTo(given: unknown): Promise<void> {
  leave();
  const place = placeOf(given);
  await vscode.window.showTextDocument(place.uri, { selection: new vscode.Range(place.range.start, place.range.start) });
}

export async function compareItems(core: Core, given: unknown): Promise<void> {
  leave();
  const { a, b } = given as CompareItemsArgs;
  await compare(core, { ...placeOf(a), name: '' }, { ...placeOf(b), name: '' });
}

export async function why(core: Core, given: unknown): Promise<void> {
  leave();
  const { uri, position } = given as WhyArgs;
  await explainWord(core, vscode.Uri.parse(uri), new vscode.Position(position.line, position.character));
}

/** Judges the explanation at the place of a link, a comparison or an answer; a menu passes nothing, so the cursor is used. */
export async function trust(core: Core, given: unknown): Promise<Trust | undefined> {
  if (typeof given !== 'object' || given === null || !['position', 'a', 'question'].some((key) => key in given)) {
    return judgeAtCursor(core);
  }
  leave();
  return judge(core, given as TrustArgs);
}

/** Turns hovers off in the user settings, and says how to turn them on again. */
export async function hideHovers(): Promise<void> {
  leave();
  const settings = vscode.workspace.getConfiguration('fovea');
  await settings.update('hover.enable', false, vscode.ConfigurationTarget.Global);
  const [undo, open] = ['Turn On Again', 'Open Setting'] as const;
  const text = 'Fovea shows no hovers any more. The setting fovea.hover.enable turns them on again.';
  void vscode.window.showInformationMessage(text, undo, open).then(async (choice) => {
    if (choice === undo) {
      await settings.update('hover.enable', undefined, vscode.ConfigurationTarget.Global);
    } else if (choice === open) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'fovea.hover.enable');
    }
  });
}

interface Place {
  uri: vscode.Uri;
  range: vscode.Range;
}

function placeOf(given: unknown): Place {
  const { uri, range: stretch } = given as GoToArgs;
  return { uri: vscode.Uri.parse(uri), range: range(stretch) };
}
