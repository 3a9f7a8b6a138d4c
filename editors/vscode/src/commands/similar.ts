/** Items similar to an item: a peek of them, and why they are similar. */
import * as vscode from 'vscode';

import { type Item, itemAt, itemOf } from '../items';
import { describe, icon, openPage, range } from '../places';
import type { ShowSimilarArgs, SimilarItem } from '../protocol';
import { compare } from './compare';
import { type Core, front } from './core';

/** The item of the last peek: the item that the user chooses there is compared with it. */
let peeked: Item | undefined;

/** Opens a peek of items similar to the item of a lens, or to the one at the cursor. */
export async function showSimilar(core: Core, given?: ShowSimilarArgs): Promise<void> {
  const item = await asItem(core, given);
  if (!item) {
    return;
  }
  if (item.similar.some((near) => near.store)) {
    const near = await choose(item, item.similar, `Similar to ${item.name}`);
    await (near && goTo(near));
    return;
  }
  peeked = item;
  const locations = item.similar.map((near) => new vscode.Location(vscode.Uri.parse(near.uri), range(near.selection)));
  await vscode.commands.executeCommand('editor.action.peekLocations', item.uri, item.selection.start, locations, 'peek');
}

async function goTo(near: SimilarItem): Promise<void> {
  if (near.store) {
    return openPage(near);
  }
  await vscode.window.showTextDocument(vscode.Uri.parse(near.uri), { selection: range(near.selection) });
}

/** Says why an item is similar to another: to the one in the peek, the only one, or the one that the user chooses. */
export async function explainSimilarity(core: Core, given?: ShowSimilarArgs): Promise<void> {
  const looked = given ? undefined : atPeeked();
  const item = looked?.item ?? (await asItem(core, given));
  const here = item?.similar.filter((near) => !near.store) ?? [];
  if (item && here.length === 0) {
    throw new Error('the similar code is in a store and its text is not on this machine');
  }
  const near = looked?.near ?? (item && (await choose(item, here, `Compare ${item.name} with…`)));
  if (!item || !near) {
    return;
  }
  // A lens has only the range of the name.
  const whole = item.range.isEqual(item.selection) ? await knownSoon(() => itemAt(core.server, item.uri, item.selection.start)) : item;
  if (!whole) {
    throw new Error('the document has just changed; try again in a moment');
  }
  await compare(
    core,
    { uri: whole.uri, range: whole.range, name: item.name },
    { uri: vscode.Uri.parse(near.uri), range: range(near.range), name: near.name },
  );
}

/** Asks repeatedly for a short time, because a document that is being analyzed is available soon. */
async function knownSoon<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let turn = 0; turn < 20; turn++) {
    const found = await ask();
    if (found) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return undefined;
}

async function asItem(core: Core, given?: ShowSimilarArgs): Promise<Item | undefined> {
  const editor = given ? undefined : front();
  const found = given
    ? await itemOf(core.server, given)
    : editor && (await itemAt(core.server, editor.document.uri, editor.selection.active));
  if (!found && (given || editor)) {
    void vscode.window.showInformationMessage('Fovea knows nothing similar to this');
  }
  return found;
}

/** The item at the cursor in a peek of similar items, with the item of the peek. */
function atPeeked(): { item: Item; near: SimilarItem } | undefined {
  const editor = vscode.window.activeTextEditor;
  const near = peeked?.similar.find(
    (each) => each.uri === editor?.document.uri.toString() && range(each.range).contains(editor.selection.active),
  );
  return peeked && near ? { item: peeked, near } : undefined;
}

async function choose(item: Item, similar: SimilarItem[], title: string): Promise<SimilarItem | undefined> {
  if (similar.length === 1) {
    return similar[0];
  }
  const picks = similar.map((near) => ({
    label: `$(${near.store ? 'globe' : icon(near)}) ${near.name}`,
    description: `${near.score.toFixed(2)} · ${describe(near)}`,
    near,
  }));
  const placeHolder = `Similar to ${item.name}`;
  return (await vscode.window.showQuickPick(picks, { title, placeHolder, matchOnDescription: true }))?.near;
}
