/** Search by meaning: a picker that searches while the user types, and shows the active place in the editor. */
import * as vscode from 'vscode';

import { describe, icon } from '../places';
import type { SearchAnswer, SimilarItem } from '../protocol';
import { type Core } from './core';
import { BUTTONS, choose, type FilterButton, type Filters, inWords, NO_FILTERS, parsed, searchArgument } from './filters';
import { Preview } from './preview';

/** Milliseconds without typing before the server is asked. */
const REST = 150;
/** The minimum length of a query. */
const LETTERS = 3;
const TOP = 40;
/** The number of places listed at first: a short list leaves room for the preview below. */
const FIRST = 8;
/** Less similar places are listed only if there is little better. */
const WORTH = 0.2;
const FEW = 3;

interface Pick extends vscode.QuickPickItem {
  near?: SimilarItem;
  /** Lists the rest. */
  more?: boolean;
}

export function search(core: Core, given?: string): void {
  const picker = vscode.window.createQuickPick<Pick>();
  const preview = new Preview();
  let filters: Filters = NO_FILTERS;
  let found: SimilarItem[] = [];
  let running: vscode.CancellationTokenSource | undefined;
  let timer: NodeJS.Timeout | undefined;
  let filtering = false;

  const list = (count: number) => {
    const rest = found.length - count;
    const more: Pick[] = rest > 0 ? [{ label: `$(ellipsis) ${rest} more`, alwaysShow: true, more: true }] : [];
    picker.items = found.length > 0 ? [...found.slice(0, count).map(pick), ...more] : [nothing(core, filters)];
  };
  const ask = async () => {
    const { query } = parsed(picker.value);
    running?.cancel();
    if (query.replace(/[^\p{L}\p{N}]/gu, '').length < LETTERS) {
      picker.items = [];
      picker.busy = false;
      return;
    }
    const mine = (running = new vscode.CancellationTokenSource());
    picker.busy = true;
    try {
      const argument = { ...searchArgument(picker.value, filters, TOP), notes: true };
      const told = await core.server.execute<SimilarItem[] | SearchAnswer>('fovea.search', [argument], mine.token);
      // A server that does not know notes answers with only the list.
      const answer = Array.isArray(told) ? told : told.items;
      if (mine === running && !mine.token.isCancellationRequested) {
        picker.title = [titleOf(filters), ...(Array.isArray(told) ? [] : told.notes)].join(' · ');
        found = answer.filter((item, index) => index < FEW || item.score >= WORTH);
        list(FIRST);
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
  const filter = async ({ filter: name }: FilterButton) => {
    filtering = true;
    filters = (await choose(name, filters)) ?? filters;
    filtering = false;
    picker.title = titleOf(filters);
    picker.show();
    await ask();
  };

  picker.title = titleOf(filters);
  picker.placeholder = 'What does the code do? For example: read settings from a file';
  picker.matchOnDescription = false;
  picker.buttons = BUTTONS;
  if (given) {
    picker.value = given;
    void ask();
  }
  picker.onDidChangeValue(soon);
  picker.onDidTriggerButton((button) => void filter(button as FilterButton));
  picker.onDidChangeActive(([active]) => active?.near && void preview.show(active.near));
  picker.onDidAccept(() => {
    const [active] = picker.activeItems;
    if (active?.more) {
      list(found.length);
      picker.activeItems = picker.items.slice(FIRST, FIRST + 1);
    } else if (active?.near) {
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

function titleOf(filters: Filters): string {
  return ['Search by Meaning', inWords(filters)].filter((part) => part !== '').join(' · ');
}

function nothing(core: Core, filters: Filters): Pick {
  const indexing = core.known().status?.index?.state === 'indexing';
  const advice = inWords(filters) ? 'Change the filters above.' : indexing ? 'The folder is still being indexed; try again in a moment.' : 'Use other words.';
  return { label: 'Nothing found', detail: advice, alwaysShow: true };
}

function pick(near: SimilarItem): Pick {
  return {
    label: `$(${near.store ? 'globe' : icon(near)}) ${near.name}`,
    description: `${describe(near)} · ${near.score.toFixed(2)}`,
    // The server chose the items, so the picker must not filter them.
    alwaysShow: true,
    near,
  };
}
