// The selection of the page. The address contains it after #, so that a reload or a link restores it.
import { createContext } from 'preact';
import { useCallback, useContext, useEffect, useState } from 'preact/hooks';

import type { Document, UnitText } from './data';

export const PANELS = ['attention', 'steps', 'salience', 'layers', 'whatif', 'generation', 'similarity', 'structure'] as const;
export type PanelName = (typeof PANELS)[number];

export const TITLES: Record<PanelName, string> = {
  attention: 'Attention',
  steps: 'Step by step',
  salience: 'Salience',
  layers: 'Layers',
  whatif: 'What if',
  generation: 'Generation',
  similarity: 'Similarity',
  structure: 'Structure',
};

export interface State {
  panel: PanelName;
  unit: number;
  layer: number;
  head: number;
  /** The position of the attending token in the unit; -1 if the page chooses. */
  token: number;
  /** The position of the attended token; -1 for the token with most attention. */
  source: number;
  /** The coordinate that the steps follow; -1 if the page chooses. */
  coordinate: number;
  /** Whether special tokens are shown. */
  special: boolean;
  /** Whose attention is shown: of the stack that reads the document, of the decoder (`d`), or of the decoder to the encoder (`x`). */
  look: Look;
  /** The changes of What if, in the form of a path. */
  edit: string;
  /** The question about the text, for a model that answers questions. */
  question: string;
  /** The text for the decoder of an encoder–decoder; empty if the model writes its own text. */
  given: string;
  /** The two items of the file to compare; -1 for none. */
  item: number;
  other: number;
}

export type Look = '' | 'd' | 'x';

const NUMBERS = { unit: 'u', layer: 'l', head: 'h', token: 't', source: 's', coordinate: 'd', item: 'i', other: 'o' } as const;

/** The form of an edit in the address. */
const EDIT = /^(-|[a-z0-9.,]{1,8000})$/;

/** Maximum characters of a question. */
export const QUESTION = 250;

/** Maximum characters of a text for the decoder. */
export const LONGEST = 1000;

export function fromAddress(): State {
  const given = new URLSearchParams(location.hash.slice(1));
  const state: State = { panel: 'attention', unit: 0, layer: 0, head: 0, token: -1, source: -1, coordinate: -1, special: true, look: '', edit: '-', question: '', given: '', item: -1, other: -1 };
  const panel = PANELS.find((name) => name === given.get('p'));
  for (const [name, key] of Object.entries(NUMBERS) as [keyof typeof NUMBERS, string][]) {
    const text = given.get(key);
    if (text && /^\d{1,6}$/.test(text)) {
      state[name] = Number(text);
    }
  }
  const look = (['d', 'x'] as const).find((name) => name === given.get('k')) ?? '';
  const edit = given.get('e') ?? '-';
  return { ...state, panel: panel ?? state.panel, special: given.get('special') !== '0', look, edit: EDIT.test(edit) ? edit : '-', given: (given.get('g') ?? '').slice(0, LONGEST), question: (given.get('q') ?? '').slice(0, QUESTION) };
}

function toAddress(state: State): string {
  const parts = [`p=${state.panel}`];
  for (const [name, key] of Object.entries(NUMBERS) as [keyof typeof NUMBERS, string][]) {
    if (state[name] >= 0) {
      parts.push(`${key}=${state[name]}`);
    }
  }
  parts.push(...(state.special ? [] : ['special=0']), ...(state.look ? [`k=${state.look}`] : []), ...(state.edit === '-' ? [] : [`e=${state.edit}`]), ...(state.question ? [`q=${encodeURIComponent(state.question)}`] : []), ...(state.given ? [`g=${encodeURIComponent(state.given)}`] : []));
  return `#${parts.join('&')}`;
}

export interface World {
  document: Document;
  /** The unit; undefined until it has arrived. */
  text: UnitText | undefined;
  state: State;
  go: (change: Partial<State>) => void;
  theme: 'light' | 'dark';
}

export const WorldContext = createContext<World | null>(null);

export function useWorld(): World {
  const world = useContext(WorldContext);
  if (!world) {
    throw new Error('useWorld needs a WorldContext around the component');
  }
  return world;
}

let waiting: State | undefined;

function written() {
  if (waiting) {
    history.replaceState(null, '', toAddress(waiting));
    waiting = undefined;
  }
}

/** Writes the address after a pause, because browsers slow down pages that write it at each key. */
function write(state: State) {
  if (!waiting) {
    setTimeout(written, 120);
  }
  waiting = state;
}
addEventListener('pagehide', written);

/** The part of the world that rarely changes. Components that use only this part do not render at each key. */
export interface Setting {
  document: Document;
  go: (change: Partial<State>) => void;
  theme: 'light' | 'dark';
}

export const SettingContext = createContext<Setting | null>(null);

export function useSetting(): Setting {
  const setting = useContext(SettingContext);
  if (!setting) {
    throw new Error('useSetting needs a SettingContext around the component');
  }
  return setting;
}

/** The selection, and a function that changes it. The last selection stays when the page renders again. */
export function useAddress(): [State, (change: Partial<State>) => void] {
  const [state, set] = useState(() => waiting ?? fromAddress());
  useEffect(() => {
    const follow = () => set(fromAddress());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const go = useCallback(
    (change: Partial<State>) =>
      set((old) => {
        const next = { ...old, ...change };
        write(next);
        return next;
      }),
    [],
  );
  return [state, go];
}

/** Dark or light, as the user or the system prefers. */
export function useTheme(): ['light' | 'dark', (wish: 'light' | 'dark') => void] {
  // VS Code names its theme in an attribute of the body. Elsewhere, the preference of the system counts.
  const system = () => {
    const kind = document.body.dataset.vscodeThemeKind;
    const dark = kind ? /dark$|high-contrast$/.test(kind) : matchMedia('(prefers-color-scheme: dark)').matches;
    return dark ? 'dark' : 'light';
  };
  const [theme, set] = useState<'light' | 'dark'>(system);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => set(system());
    query.addEventListener('change', follow);
    const kind = new MutationObserver(follow);
    kind.observe(document.body, { attributeFilter: ['data-vscode-theme-kind'] });
    return () => {
      query.removeEventListener('change', follow);
      kind.disconnect();
    };
  }, []);
  useEffect(() => {
    document.documentElement.style.colorScheme = theme;
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return [theme, set];
}

/** The attending token: the chosen one, or the longest of the first 40, which is rarely an article. */
export function lookingToken(text: UnitText, state: State): number {
  if (state.token >= 0 && state.token < text.tokens.length) {
    return state.token;
  }
  const size = (at: number) => (text.tokens[at]?.special ? 0 : (text.tokens[at]?.source.length ?? 0));
  return text.tokens.slice(0, 40).reduce((most, _, at) => (size(at) > size(most) ? at : most), 0);
}

/** The text of a token on the page. */
export function pieceOf(text: UnitText, token: number): string {
  const { piece, source, special } = text.tokens[token] ?? { piece: '', source: '', special: false };
  if (special || source === '') {
    return piece || '·';
  }
  // For a piece that the vocabulary lacks, the page shows the text of the document.
  return source.trim() === '' ? source.replace(/\n/g, '⏎').replace(/ /g, '␣') : source.trim();
}

/** The name of a token in a sentence. */
export function nameOf(text: UnitText, token: number): string {
  const found = text.tokens[token];
  const unknown = found && !found.special && /^(\[UNK\]|<unk>)$/.test(found.piece);
  return unknown ? `${pieceOf(text, token)} ([UNK])` : pieceOf(text, token);
}

/** The text of a token in a list, with visible line breaks and visible spaces at its ends. */
export function visible(text: string): string {
  return text.replace(/\n/g, '⏎').replace(/^ | $/g, '␣') || '·';
}
