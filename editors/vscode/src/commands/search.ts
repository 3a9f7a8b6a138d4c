/** Search by meaning: a pick list that asks while the person types, and shows what is chosen before it is taken. */
import * as vscode from 'vscode';

import { icon, placeOf } from '../places';
import type { SimilarItem } from '../protocol';
import { type Core } from './core';
import { Preview } from './preview';

/** Milliseconds without a key before the server is asked. */
const REST = 150;
/** A shorter query says nothing. */
const LETTERS = 3;
const TOP = 40;
/** What is less similar is shown only where hardly anything is more. */
const WORTH = 0.2;
const FEW = 3;

/** The identifiers that items are known of. */
const LANGUAGES = [
  'c', 'cpp', 'csharp', 'go', 'java', 'javascript', 'lua', 'markdown', 'php', 'python', 'ruby', 'rust', 'shellscript', 'typescript',
]; // prettier-ignore

interface Pick extends vscode.QuickPickItem {
  near?: SimilarItem;
}

/** `query @rust @python` → the query, and the languages it is held to. */
export function parsed(value: string): { query: string; languages: string[] } {
  const languages = [...value.matchAll(/(?:^|\s)@([\w+#-]+)/g)].flatMap((match) => match[1] ?? []);
  return { query: value.replace(/(?:^|\s)@[\w+#-]*/g, ' ').trim(), languages };
}

export function search(core: Core, given?: string): void {
  const picker = vscode.window.createQuickPick<Pick>();
  const filter = { iconPath: new vscode.ThemeIcon('filter'), tooltip: 'Only some languages' };
  const preview = new Preview();
  let chosen = new Set<string>();
  let running: vscode.CancellationTokenSource | undefined;
  let timer: NodeJS.Timeout | undefined;
  let filtering = false;

  const ask = async () => {
    const { query, languages } = parsed(picker.value);
    running?.cancel();
    if (query.replace(/[^\p{L}\p{N}]/gu, '').length < LETTERS) {
      picker.items = [];
      picker.busy = false;
      return;
    }
    const mine = (running = new vscode.CancellationTokenSource());
    picker.busy = true;
    try {
      const argument = { query, top: TOP, languages: [...chosen, ...languages] };
      const found = await core.server.execute<SimilarItem[]>('fovea.search', [argument], mine.token);
      if (mine === running && !mine.token.isCancellationRequested) {
        const near = found.filter((item, index) => index < FEW || item.score >= WORTH);
        picker.items = near.length > 0 ? near.map(pick) : [{ label: 'Nothing is known yet that could be found', alwaysShow: true }];
      }
    } catch (error) {
      if (mine === running && !mine.token.isCancellationRequested) {
        picker.items = [{ label: `$(warning) ${error instanceof Error ? error.message : String(error)}`, alwaysShow: true }];
      }
    } finally {
      if (mine === running) {
        picker.busy = false;
      }
      mine.dispose();
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), REST);
  };
  const filterLanguages = async () => {
    filtering = true;
    const picks = LANGUAGES.map((language) => ({ label: language, picked: chosen.has(language) }));
    const title = 'Search only in';
    const wanted = await vscode.window.showQuickPick(picks, { title, canPickMany: true, placeHolder: 'All languages when none is chosen' });
    if (wanted) {
      chosen = new Set(wanted.map((each) => each.label));
    }
    filtering = false;
    picker.title = title_(chosen);
    picker.show();
    await ask();
  };

  picker.title = title_(chosen);
  picker.placeholder = 'What it does, in words: “read settings from a file”; @rust holds it to a language';
  picker.matchOnDescription = false;
  picker.buttons = [filter];
  if (given) {
    picker.value = given;
    void ask();
  }
  picker.onDidChangeValue(soon);
  picker.onDidTriggerButton(() => void filterLanguages());
  picker.onDidChangeActive(([active]) => active?.near && void preview.show(active.near));
  picker.onDidAccept(() => {
    const [active] = picker.activeItems;
    if (active?.near) {
      void preview.keep(active.near);
      picker.hide();
    }
  });
  picker.onDidHide(() => {
    if (filtering) {
      return;
    }
    clearTimeout(timer);
    running?.cancel();
    void preview.restore();
    picker.dispose();
  });
  picker.show();
}

function title_(languages: Set<string>): string {
  return languages.size > 0 ? `Search by Meaning · ${[...languages].join(', ')}` : 'Search by Meaning';
}

function pick(near: SimilarItem): Pick {
  return {
    label: `$(${near.store ? 'globe' : icon(near)}) ${near.name}`,
    description: placeOf(near),
    detail: `${'▰'.repeat(Math.round(Math.max(0, near.score) * 10)).padEnd(10, '▱')} ${near.score.toFixed(2)} · ${near.kind} · ${near.language}`,
    // The server chose; the picker must not filter by letters.
    alwaysShow: true,
    near,
  };
}
