/** What the extension and its web view tell each other. */

/** A word of a passage: characters in UTF-16 of the passage's text. */
export interface ViewWord {
  start: number;
  end: number;
  /** Its share. */
  score: number;
}

export interface ViewSide {
  title: string;
  place: string;
  language: string;
  text: string;
  words: ViewWord[];
  coverage: number;
}

/** A way to split a similarity: rows and columns are the words of the sides, then the special tokens, then biases, then more. */
export interface ViewSplit {
  cosine: number;
  /** What the cosine is of. */
  caption: string;
  residual: number;
  pairs: number[][];
  /** What each word adds, by side. */
  scores: [number[], number[]];
  /** What the cosine is the sum of. */
  rest: { name: string; value: number }[];
}

export interface PairView {
  kind: 'pair';
  sides: [ViewSide, ViewSide];
  raw: ViewSplit;
  /** Without what the languages have in common, where an index knows that. */
  centred: ViewSplit | null;
  /** Which words correspond. */
  links: { a: number; b: number }[];
}

export interface ViewUnit {
  title: string;
  place: string;
  text: string;
  words: ViewWord[];
  /** By word: 1 is the first. */
  ranks: number[];
  tokens: number;
  coverage: number;
  bias: number;
  special: number;
  residual: number;
}

export interface ExplanationView {
  kind: 'explanation';
  title: string;
  method: string;
  model: string;
  units: ViewUnit[];
}

export type View = PairView | ExplanationView;

/** To the extension. */
export type Request =
  /** The script is there and can be told what to show. */
  | { kind: 'ready' }
  /** Show a word in its document. */
  | { kind: 'reveal'; part: number; start: number; end: number };
