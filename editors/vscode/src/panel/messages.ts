/** The messages between the extension and its web view. */

/** A word of a passage; positions are UTF-16 characters of its text. */
export interface ViewWord {
  start: number;
  end: number;
  /** Its share, or its contribution to the similarity. */
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

/** Shared words of the passages, as indices. */
export interface ViewShared {
  a: number[];
  b: number[];
  text: string;
  score: number;
}

/** The contributions of a word with each word of the other side. */
export interface ViewRow {
  side: 0 | 1;
  word: number;
  scores: number[];
}

export interface PairView {
  kind: 'pair';
  /** Distinguishes rows of this view from those of earlier ones. */
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
  /** By word: from 3, if the asked word draws on it most, to 0, if not at all. */
  related: number[];
  /** The answer about that word. */
  answer: string | null;
  coverage: number;
  details: [name: string, value: string][];
}

export interface ExplanationView {
  kind: 'explanation';
  title: string;
  units: ViewUnit[];
}

/** The meaning of the colors. */
export interface LegendView {
  kind: 'legend';
  preset: string;
}

/** An answer that a model wrote, and what each of its sentences draws on. */
export interface AnswerView {
  kind: 'answer';
  question: string;
  model: string;
  sentences: ViewSentence[];
  /** The passages that the model read, by index; `file.ts:3-12`. */
  passages: { place: string; name: string }[];
  /** Whether the answer reached its maximum length. */
  cut: boolean;
}

export interface ViewSentence {
  text: string;
  sources: { passage: number; times: string }[];
  /** How likely it is without all passages, in words. */
  withoutAll: string;
}

export type View = PairView | ExplanationView | AnswerView | LegendView;

/** To the web view. */
export type Message = View | ({ kind: 'row'; turn: number } & ViewRow);

/** To the extension. */
export type Request =
  /** The script is ready for messages. */
  | { kind: 'ready' }
  /** Show a word in its document. */
  | { kind: 'reveal'; part: number; word: number }
  /** Request the row of a word. */
  | { kind: 'row'; turn: number; side: 0 | 1; word: number }
  /** Judge the comparison. */
  | { kind: 'trust' }
  /** Run one of the extension's commands. */
  | { kind: 'run'; command: 'fovea.setHeat' | 'fovea.openWalkthrough' | 'fovea.search' };
