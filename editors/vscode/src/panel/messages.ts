/** What the extension and its web view tell each other. */

/** A word of a passage: characters in UTF-16 of the passage's text. */
export interface ViewWord {
  start: number;
  end: number;
  /** Its share, or what it adds to the similarity. */
  score: number;
}

export interface ViewSide {
  title: string;
  place: string;
  language: string;
  /** Dedented. */
  text: string;
  words: ViewWord[];
  coverage: number;
}

/** What the passages share: indices of words. */
export interface ViewShared {
  a: number[];
  b: number[];
  text: string;
  score: number;
}

/** What a word adds with each word of the other side. */
export interface ViewRow {
  side: 0 | 1;
  word: number;
  scores: number[];
}

export interface PairView {
  kind: 'pair';
  /** Tells rows of this view from those of one before. */
  turn: number;
  summary: string;
  sides: [ViewSide, ViewSide];
  shared: ViewShared[];
  /** Words of a × words of b, from servers that send no rows. */
  pairs: number[][] | null;
  /** Which words correspond. */
  links: { a: number; b: number }[];
  similarity: number;
  details: [name: string, value: string][];
}

export interface ViewUnit {
  title: string;
  place: string;
  language: string;
  /** Dedented. */
  text: string;
  words: ViewWord[];
  /** By word: 1 is the first. */
  ranks: number[];
  /** The word that was asked about. */
  asked: number | null;
  /** By word: 3 where the asked word draws on it most, 0 where it does not. */
  related: number[];
  /** What there is to say about that word. */
  answer: string | null;
  coverage: number;
  details: [name: string, value: string][];
}

export interface ExplanationView {
  kind: 'explanation';
  title: string;
  units: ViewUnit[];
}

/** What the colors mean. */
export interface LegendView {
  kind: 'legend';
  preset: string;
}

export type View = PairView | ExplanationView | LegendView;

/** To the web view. */
export type Message = View | ({ kind: 'row'; turn: number } & ViewRow);

/** To the extension. */
export type Request =
  /** The script is there and can be told what to show. */
  | { kind: 'ready' }
  /** Show a word in its document. */
  | { kind: 'reveal'; part: number; word: number }
  /** What does a word add with each word of the other side? */
  | { kind: 'row'; turn: number; side: 0 | 1; word: number }
  /** Run one of our commands. */
  | { kind: 'run'; command: 'fovea.setHeat' | 'fovea.openWalkthrough' | 'fovea.search' };
