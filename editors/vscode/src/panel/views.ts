/** Converts the server's answers to views of the panel, and bytes to characters. */
import type { Comparison, ComparedSide, ExplainedUnit, Explanation } from '../protocol';
import type { PairView, ViewShared, ViewSide, ViewUnit, ViewWord } from './messages';
import { WORDS } from '../webview/syntax';
import { characters, cut, dedented, listed, rankInWords } from './text';

/** The number of words to name if the server names none. */
const NAMED = 8;

interface Placed {
  start: { byte: number };
  end: { byte: number };
}

/** A range of the original text in characters. */
export interface Stretch {
  start: number;
  end: number;
}

/** The ranges of words in the original text. `from`: the byte at which the text starts. */
export function stretches(text: string, placed: Placed[], from = 0): Stretch[] {
  const at = characters(text, placed.flatMap((word) => [word.start.byte - from, word.end.byte - from]));
  return placed.map((_, index) => ({ start: at[2 * index] ?? 0, end: at[2 * index + 1] ?? 0 }));
}

export interface Told {
  title: string;
  place: string;
  language: string;
  text: string;
}

export function pairView(a: Told, b: Told, answer: Comparison, turn: number): PairView {
  const scores = answer.centered
    ? [answer.centered.a.scores, answer.centered.b.scores]
    : [answer.a, answer.b].map((compared) => compared.words.map((word) => word.score));
  const side = (told: Told, compared: ComparedSide, own: number[] = []): ViewSide => ({
    ...told,
    title: cut(told.title),
    ...shown(told.text, stretches(told.text, compared.words), own),
    coverage: compared.coverage,
  });
  const sides: [ViewSide, ViewSide] = [side(a, answer.a, scores[0]), side(b, answer.b, scores[1])];
  const pairs = answer.centered?.pairs ?? answer.pairs ?? null;
  const shared = answer.shared ?? sharedOf(sides, pairs);
  return {
    kind: 'pair',
    turn,
    summary: answer.summary ?? summaryOf(shared),
    sides,
    shared,
    pairs: pairs && pairs.slice(0, sides[0].words.length).map((row) => row.slice(0, sides[1].words.length)),
    links: answer.alignment.map((link) => ({ a: link.a, b: link.b })),
    similarity: answer.centered?.similarity ?? answer.cosine,
    details: pairDetails(a, b, answer),
  };
}

/** The text without its indentation, and the words in it. */
function shown(text: string, words: Stretch[], scores: number[]): { text: string; words: ViewWord[] } {
  const { text: bare, moved } = dedented(text);
  return { text: bare, words: words.map(({ start, end }, index) => ({ start: moved(start), end: moved(end), score: scores[index] ?? 0 })) };
}

/** The shared words for servers that do not send them: pairs of equal words by their contribution. */
function sharedOf(sides: [ViewSide, ViewSide], pairs: number[][] | null): ViewShared[] {
  const found = new Map<string, ViewShared>();
  const texts = sides.map(({ text, words }) => words.map((word) => text.slice(word.start, word.end)));
  texts[0]?.forEach((text, a) =>
    texts[1]?.forEach((other, b) => {
      if (text.toLowerCase() !== other.toLowerCase() || !/\p{L}{3}/u.test(text) || WORDS.has(text)) {
        return;
      }
      const shared = found.get(text.toLowerCase()) ?? { a: [], b: [], text, score: 0 };
      shared.score += pairs?.[a]?.[b] ?? 0;
      shared.a = [...new Set([...shared.a, a])];
      shared.b = [...new Set([...shared.b, b])];
      found.set(text.toLowerCase(), shared);
    }),
  );
  return [...found.values()].filter(({ score }) => score > 0).sort((one, other) => other.score - one.score).slice(0, NAMED);
}

function summaryOf(shared: ViewShared[]): string {
  const names = shared.slice(0, 3).map(({ text }) => `\`${text}\``);
  if (names.length === 0) {
    return 'They share no words; point at a word to see which ones it matches.';
  }
  return `Both are about ${listed(names)}.`;
}

/** The numbers of the details. */
function pairDetails(a: Told, b: Told, answer: Comparison): [string, string][] {
  const { centered } = answer;
  const of = (name: string, sides: { special: number; bias: number }[]): [string, string][] => [
    [`Special tokens, ${name}`, sides.map(({ special }) => signed(special)).join(' and ')],
    [`Biases, ${name}`, sides.map(({ bias }) => signed(bias)).join(' and ')],
  ];
  const rows: [string, string][] = [
    ['Cosine of the two passages', answer.cosine.toFixed(3)],
    ...(centered ? [] : of('left and right', [answer.a, answer.b])),
  ];
  if (centered) {
    const common = a.language === b.language ? `all ${a.language} texts` : `${a.language} and ${b.language}`;
    rows.push(
      [`Cosine without what ${common} have in common`, centered.cosine.toFixed(3)],
      ['What they have in common', signed(centered.common)],
      ...of('left and right', [centered.a, centered.b]),
    );
  }
  rows.push(
    a.language === b.language ? ['Language', a.language] : ['Languages', `${a.language} and ${b.language}`],
    ['Residual (error of the split)', (centered ?? answer).residual.toExponential(0)],
    ['Time', `${Math.round(answer.ms)} ms`],
  );
  return rows;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
}

/** A word that the asked one draws on: characters of the unit's text. */
export interface Related extends Stretch {
  strength: number;
  share: number;
}

export interface AskedWord {
  /** Of the document. */
  byte: number;
  related: Related[];
}

export function unitView(text: string, unit: ExplainedUnit, place: string, about: Explanation, question?: AskedWord): ViewUnit {
  const byte = question?.byte ?? -1;
  const found = unit.words.findIndex((word) => word.start.byte <= byte && byte <= word.end.byte);
  const asked = found < 0 ? null : found;
  const word = unit.words[found];
  const places = stretches(text, unit.words, unit.start.byte);
  const related = places.map(({ start, end }) =>
    Math.max(0, ...(question?.related ?? []).filter((other) => other.start < end && start < other.end).map(({ strength }) => strength)),
  );
  const title = unit.name ? `${unit.kind} ${unit.name}` : unit.kind;
  const name = unit.name ? `\`${unit.name}\`` : `this ${unit.kind}`;
  return {
    title: cut(title),
    place,
    language: about.language,
    ...shown(text, places, unit.words.map(({ score }) => score)),
    ranks: unit.words.map(({ rank }) => rank),
    asked,
    related,
    answer: word ? `\`${word.text}\` is ${rankInWords(word.rank, unit.words.length)} of ${name}.${readWith(text, question?.related ?? [], word.text)}` : null,
    coverage: unit.coverage,
    details: [
      ...(word ? [['Share of the word', percent(word.score)] as [string, string]] : []),
      ['Model', about.model],
      ['Method', about.method],
      ['Tokens', String(unit.tokens)],
      ['Special tokens', percent(unit.special_share)],
      ['Biases', percent(unit.bias_share)],
      ['Residual (error of the split)', unit.residual.toExponential(0)],
    ],
  };
}

/** The words that the model reads a word with, the largest share first; a word that occurs several times has the sum, as in the hover. */
function readWith(text: string, related: Related[], asked: string): string {
  const shares = new Map<string, number>();
  for (const { start, end, share } of related) {
    const word = text.slice(start, end);
    if (word !== asked && /\p{L}{2}/u.test(word) && !WORDS.has(word)) {
      shares.set(word, (shares.get(word) ?? 0) + share);
    }
  }
  const names = [...shares].sort(([, one], [, other]) => other - one).slice(0, 3).map(([word]) => `\`${word}\``);
  return names.length === 0 ? '' : ` The model reads it together with ${listed(names)}.`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
