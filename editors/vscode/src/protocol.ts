/** The messages beyond LSP, as src/server/protocol.rs of the server defines them. */

export interface Position {
  line: number;
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

/** A range that the model cannot read. */
export interface Unread {
  range: Range;
  /** The share of its letters that the model knows. */
  coverage: number;
  reason: string;
}

/** `[line, start, end, level]`: characters in UTF-16, end exclusive, level 1 to 12. */
export type Word = [line: number, start: number, end: number, level: number];

/** Lines `start` to `end` replace lines `start` to `was` of the heat of version `since`. */
export interface Changed {
  since: number;
  start: number;
  end: number;
  was: number;
}

export interface HeatParams {
  uri: string;
  version: number;
  method: string;
  levels: number;
  complete: boolean;
  /** The lines of the message; without it, all lines. */
  changed?: Changed;
  words: Word[];
  unread: Unread[];
}

export interface IndexParams {
  state: 'waiting' | 'battery' | 'indexing' | 'cancelled' | 'ready';
  items: number;
  done?: number;
  total?: number;
  /** Folders that are not indexed, with the reason. */
  refused: string[];
}

/** One layer of all heads, one head of all layers, or one map; numbered from 0. */
export interface AttentionMaps {
  layer?: number;
  head?: number;
}

export const PRESETS = ['quiet', 'full', 'off'] as const;
export type HeatPreset = (typeof PRESETS)[number];

/** The answer of `fovea/drawsOn`. */
export interface DrawsOn {
  version: number;
  word: Range;
  /** `strength`: 3 is the strongest. */
  words: { range: Range; share: number; strength: number }[];
}

/** The argument of `fovea.trust`: the unit at a position, two compared passages, or an answer. */
export type TrustArgs = WhyArgs | { a: Passage; b: Passage } | { question: string; uri: string; range: Range; within: Range };

/** The shown part of the answer of `fovea.trust`. */
export interface Trust {
  target: 'embedding' | 'similarity' | 'answer';
  sentence: string;
  verdict: 'holds' | 'weak' | 'fails' | 'too-short';
  /** The number of deleted words for the verdict, and the mean change without as many random words. */
  deleted: number;
  random: number;
  sets: number;
  /** The number of deleted words, by their scores, and the change: the turn of the embedding, or the fall of the score. */
  curve: [number, number][];
}

/** The arguments of the commands that links in hovers run. */
export interface GoToArgs {
  uri: string;
  range: Range;
}
export interface CompareItemsArgs {
  a: GoToArgs;
  b: GoToArgs;
}
export interface WhyArgs {
  uri: string;
  position: Position;
}

export interface StatusParams {
  health: 'ok' | 'warning' | 'error';
  state: 'loading' | 'ready' | 'busy' | 'paused' | 'failed';
  model: string | null;
  method: string;
  /** The chosen attention maps, if any. */
  maps?: AttentionMaps;
  /** The numbers of layers and heads, once the model is loaded. */
  attention?: { layers: number; heads: number };
  heat: boolean;
  /** The preset of the heat; older servers do not send it. */
  preset?: HeatPreset;
  highlight: boolean;
  /** Whether a model writes text; absent until the chosen one is loaded, and from older servers. */
  writes?: boolean;
  message?: string;
  inactive: { uri: string; reason: string }[];
  unparsed?: { uri: string; reason: string }[];
  index?: IndexParams;
  /** The team's store, if the server uses one. */
  store?: { place: string; state: 'unasked' | 'ready' | 'away'; why?: string };
}

export interface SimilarItem {
  /** The document; for an item of a store, its web page or a URI that cannot be opened. */
  uri: string;
  /** The whole item. */
  range: Range;
  /** Its name. */
  selection: Range;
  name: string;
  /** The type or function that contains it. */
  container?: string;
  kind: string;
  language: string;
  score: number;
  /** Its location in a team's store; then its text is not on this machine. */
  store?: { folder: string; path: string };
}

export interface SearchAnswer {
  items: SimilarItem[];
  /** Why the ranking means less than usual. */
  notes: string[];
}

/** A word of an answer. */
export interface AnswerWord {
  range: Range;
  text: string;
  /** Its contribution. */
  score: number;
  /** The word of the question that it answers most. */
  question?: string;
}

/** A place that answers a question. */
export interface FoundAnswer {
  uri: string;
  /** The sentence, the statements or the span that answers. */
  range: Range;
  /** The passage that contains it. */
  within: Range;
  text: string;
  score: number;
  /** The function, type or heading that contains it. */
  name?: string;
  model: string;
  method: string;
  /** The target; the words' scores, `special` and `bias` sum to its value. */
  target: string;
  value: number;
  residual: number;
  special: number;
  bias: number;
  words: AnswerWord[];
}

/** An answer that a model wrote. */
export interface WrittenAnswer {
  model: string;
  text: string;
  sentences: WrittenSentence[];
  /** What the model read. */
  passages: { uri: string; range: Range; name?: string }[];
  /** Whether it reached its maximum length. */
  cut: boolean;
}

export interface WrittenSentence {
  text: string;
  logprob: number;
  /** For each passage: by how many nats the sentence is less likely without it. */
  without: number[];
  withoutAll: number;
  /** The same in words: `12 times less likely`. */
  withoutAllTold: string;
  /** The passages that it draws on, the most needed first. */
  sources: { passage: number; times: string }[];
}

export interface AskAnswer {
  /** Best first; empty if there is no answer. */
  answers: FoundAnswer[];
  /** Whether a model can write an answer. */
  writes?: boolean;
  written?: WrittenAnswer;
  notes: string[];
  ms: number;
}

export interface ClassifyArgs {
  uri: string;
  position: Position;
  label?: string;
}

/** Which words decided for the class of an item. */
export interface ClassifyAnswer {
  range: Range;
  name: string;
  /** The most probable first. */
  classes: { label: string; probability: number }[];
  /** The label that is explained. */
  label: string;
  value: number;
  residual: number;
  special: number;
  bias: number;
  words: AnswerWord[];
  /** The file with the labels; without it, none can be added. */
  labelsFile?: string;
  ms: number;
}

export interface PredictArgs {
  uri: string;
  position: Position;
  top?: number;
  /** The id of a token, or a text that it begins. */
  why?: number | string;
  ratherThan?: number | string;
}

/** The model's predictions at a position. */
export interface PredictAnswer {
  model: string;
  /** Whether the model filled a mask, and also read the text after the position. */
  masked: boolean;
  /** The most probable first. */
  next: NextToken[];
  why?: WhyToken;
  ms: number;
}

export interface NextToken {
  id: number;
  token: string;
  probability: number;
}

/** The words that explain the logit of a token, or its difference to that of another token. */
export interface WhyToken {
  token: string;
  ratherThan?: string;
  target: 'logit' | 'difference';
  value: number;
  residual: number;
  special: number;
  bias: number;
  words: AnswerWord[];
}

export interface RelabelAnswer {
  labelsFile: string;
  items: number;
  accuracy: number;
  ms: number;
}

export interface ShowSimilarArgs {
  uri: string;
  range: Range;
  name?: string;
  similar?: SimilarItem[];
}

export interface ShowSimilarAnswer {
  name: string;
  similar: SimilarItem[];
  shown: number | null;
}

export type Passage = { uri: string; range: Range } | { text: string; language?: string };

interface Place {
  /** Of the document, in UTF-8. */
  byte: number;
  line: number;
  column: number;
}

export interface ExplainedWord {
  text: string;
  start: Place;
  end: Place;
  score: number;
  rank: number;
}

export interface ExplainedUnit {
  kind: string;
  name: string | null;
  start: Place;
  end: Place;
  tokens: number;
  coverage: number;
  bias_share: number;
  special_share: number;
  residual: number;
  ms: number;
  words: ExplainedWord[];
}

/** The JSON of `fovea explain`. */
export interface Explanation {
  model: string;
  method: string;
  file: string;
  language: string;
  units: ExplainedUnit[];
}

export interface ComparedSide {
  words: { text: string; start: Place; end: Place; score: number }[];
  special: number;
  bias: number;
  coverage: number;
}

export interface CenteredSide {
  language: string;
  /** Whether the index has a mean of the language. */
  known: boolean;
  scores: number[];
  special: number;
  bias: number;
  common: number;
}

/** A word that both passages have, or two that correspond: indices of words. */
export interface Shared {
  a: number[];
  b: number[];
  text: string;
  score: number;
}

/** The contributions of one word with each word of the other passage. */
export interface ComparedRow {
  side: 'a' | 'b';
  word: number;
  scores: number[];
  special: number;
  bias: number;
}

/** The JSON of `fovea compare`. Rows and columns of `pairs` are the words, then the special tokens, then the biases. */
export interface Comparison {
  cosine: number;
  residual: number;
  a: ComparedSide;
  b: ComparedSide;
  /** Missing if the request omitted it. */
  pairs?: number[][];
  /** One sentence; older servers send only the matrix. */
  summary?: string;
  shared?: Shared[];
  alignment: { a: number; b: number; cosine: number }[];
  centered: {
    cosine: number;
    /** The score of lenses. */
    similarity: number;
    residual: number;
    common: number;
    own_length: number;
    a: CenteredSide;
    b: CenteredSide;
    /** Like `pairs`, with one more row and column: the common part of the languages. */
    pairs?: number[][];
  } | null;
  ms: number;
}

export const METHODS = ['decomposition', 'alti', 'attention', 'rollout', 'norm', 'surprisal'] as const;
