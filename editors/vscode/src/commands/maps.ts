/** Lets the user go through attention layers and heads, and shows each in the open document. */
import * as vscode from 'vscode';

import type { AttentionMaps } from '../protocol';
import { type Core, done } from './core';

/** Milliseconds that an entry must stay active before the document is analyzed with it. */
const REST = 150;

interface Choice extends vscode.QuickPickItem {
  number: number | undefined;
}

export async function chooseMaps(core: Core, given?: AttentionMaps): Promise<void> {
  const { method = 'decomposition', maps, attention } = core.known().status ?? {};
  if (given) {
    await look(core, given);
    return;
  }
  if (!attention) {
    throw new Error('the model is not loaded yet, so its layers and heads are not known');
  }
  const layer = await choose('Layer', attention.layers, maps?.layer, (number) => look(core, only(number, maps?.head)));
  const head = layer && (await choose('Head', attention.heads, maps?.head, (number) => look(core, only(layer.number, number))));
  if (!layer || !head) {
    // Restores the method from before.
    await core.server.execute('fovea.setMethod', maps ? [method, maps] : [method]);
    return;
  }
  await look(core, only(layer.number, head.number));
  done(`Attention ${inWords(only(layer.number, head.number))}`);
}

/** The text of the status bar for the chosen maps: `L3 H7`. */
export function inWords(maps: AttentionMaps): string {
  const parts = [maps.layer === undefined ? [] : [`L${maps.layer}`], maps.head === undefined ? [] : [`H${maps.head}`]].flat();
  return parts.length === 0 ? 'of all layers and heads' : parts.join(' ');
}

function only(layer: number | undefined, head: number | undefined): AttentionMaps {
  return { ...(layer === undefined ? {} : { layer }), ...(head === undefined ? {} : { head }) };
}

function look(core: Core, maps: AttentionMaps): Promise<unknown> {
  return core.server.execute('fovea.setMethod', ['attention', maps]);
}

/** Lets the user go through numbers; the document shows a number that stays active. */
function choose(what: string, count: number, present: number | undefined, show: (number: number | undefined) => unknown): Promise<Choice | undefined> {
  const all: Choice = { label: `All ${what.toLowerCase()}s`, description: 'their mean', number: undefined };
  const each = Array.from({ length: count }, (_, number): Choice => ({ label: `${what} ${number}`, number }));
  const picker = vscode.window.createQuickPick<Choice>();
  picker.title = 'Attention';
  picker.placeholder = `${what}: the document shows the one that is marked`;
  picker.items = [all, ...each];
  picker.activeItems = picker.items.filter((item) => item.number === present);
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    picker.onDidChangeActive(([active]) => {
      clearTimeout(timer);
      if (active) {
        timer = setTimeout(() => void show(active.number), REST);
      }
    });
    picker.onDidAccept(() => {
      resolve(picker.activeItems[0]);
      picker.hide();
    });
    picker.onDidHide(() => {
      clearTimeout(timer);
      resolve(undefined);
      picker.dispose();
    });
    picker.show();
  });
}
