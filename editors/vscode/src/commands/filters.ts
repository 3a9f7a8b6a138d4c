/** The filters of a search: languages, kinds, tests, a path. */
import * as vscode from 'vscode';

export type Tests = 'all' | 'none' | 'only';

export interface Filters {
  languages: string[];
  kinds: string[];
  tests: Tests;
  /** A glob of paths; empty for all. */
  path: string;
}

export const NO_FILTERS: Filters = { languages: [], kinds: [], tests: 'all', path: '' };

/** The language identifiers that the index knows. */
const LANGUAGES = [
  'c', 'cpp', 'csharp', 'go', 'java', 'javascript', 'lua', 'markdown', 'php', 'python', 'ruby', 'rust', 'shellscript', 'typescript',
]; // prettier-ignore

const KINDS = { function: 'Functions and methods', type: 'Types and classes', heading: 'Sections of documents' };

const TESTS: Record<Tests, string> = { all: 'Tests and everything else', none: 'No tests', only: 'Only tests' };

type Name = keyof Filters;

export interface FilterButton extends vscode.QuickInputButton {
  filter: Name;
}

export const BUTTONS: FilterButton[] = [
  { filter: 'languages', iconPath: new vscode.ThemeIcon('code'), tooltip: 'Filter by language' },
  { filter: 'kinds', iconPath: new vscode.ThemeIcon('symbol-class'), tooltip: 'Filter by kind: functions, types, sections' },
  { filter: 'tests', iconPath: new vscode.ThemeIcon('beaker'), tooltip: 'With tests, without tests, only tests' },
  { filter: 'path', iconPath: new vscode.ThemeIcon('folder'), tooltip: 'Filter by path' },
];

/** Splits `query @rust` into the query and the languages. The server interprets everything else in a query. */
export function parsed(value: string): { query: string; languages: string[] } {
  const languages = [...value.matchAll(/(?:^|\s)@([\w+#-]+)/g)].flatMap((match) => match[1] ?? []);
  return { query: value.replace(/(?:^|\s)@[\w+#-]*/g, ' ').trim(), languages };
}

/** The argument of the server's command. */
export function searchArgument(value: string, filters: Filters, top: number): { query: string; top: number; languages: string[]; kinds: string[] } {
  const { query, languages } = parsed(value);
  const words = [query, ...(filters.tests === 'all' ? [] : [`tests:${filters.tests}`]), ...(filters.path ? [`path:${filters.path}`] : [])];
  return { query: words.join(' '), top, languages: [...filters.languages, ...languages], kinds: filters.kinds };
}

/** The filters for the title of the picker. */
export function inWords({ languages, kinds, tests, path }: Filters): string {
  const parts = [languages.join(', '), kinds.map((kind) => `${kind}s`).join(', '), { all: '', none: 'no tests', only: 'only tests' }[tests], path];
  return parts.filter((part) => part !== '').join(' · ');
}

/** Asks for one of the filters; undefined if the user changed nothing. */
export async function choose(name: Name, present: Filters): Promise<Filters | undefined> {
  switch (name) {
    case 'languages': {
      const picks = LANGUAGES.map((label) => ({ label, picked: present.languages.includes(label) }));
      const options = { title: 'Search only in these languages', canPickMany: true as const, placeHolder: 'All languages if you choose none' };
      const chosen = await vscode.window.showQuickPick(picks, options);
      return chosen && { ...present, languages: chosen.map(({ label }) => label) };
    }
    case 'kinds': {
      const picks = Object.entries(KINDS).map(([kind, label]) => ({ label, kind_: kind, picked: present.kinds.includes(kind) }));
      const options = { title: 'Search only for these', canPickMany: true as const, placeHolder: 'Everything if you choose none' };
      const chosen = await vscode.window.showQuickPick(picks, options);
      return chosen && { ...present, kinds: chosen.map(({ kind_ }) => kind_) };
    }
    case 'tests': {
      const picks = Object.entries(TESTS).map(([tests, label]) => ({
        label,
        tests: tests as Tests,
        description: tests === present.tests ? 'in use' : '',
      }));
      const chosen = await vscode.window.showQuickPick(picks, { title: 'Search in tests?' });
      return chosen && { ...present, tests: chosen.tests };
    }
    case 'path': {
      const prompt = 'A path or glob below the folder, such as src/** or docs. Empty for all.';
      const path = await vscode.window.showInputBox({ title: 'Search only below this path', prompt, value: present.path });
      return path === undefined ? undefined : { ...present, path: globbed(path.trim()) };
    }
  }
}

/** A glob for a path: a folder includes everything in it. */
function globbed(path: string): string {
  return path === '' || /[*?[\]{}]|\.\w+$/.test(path) ? path : `${path.replace(/\/+$/, '')}/**`;
}
