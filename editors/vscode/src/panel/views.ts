/** The server's answers as what the panel shows. Bytes become characters here. */
import type { Comparison, ComparedSide, ExplainedUnit } from '../protocol';
import type { PairView, ViewSide, ViewSplit, ViewUnit, ViewWord } from './messages';

/** The characters (UTF-16) at which bytes of a text (UTF-8) stand. Bytes must rise. */
export function characters(text: string, bytes: number[]): number[] {
  const found: number[] = [];
  let [byte, character] = [0, 0];
  for (const wanted of bytes) {
    while (byte < wanted && character < text.length) {
      const code = text.codePointAt(character) ?? 0;
      byte += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      character += code < 0x10000 ? 1 : 2;
    }
    found.push(character);
  }
  return found;
}

interface Placed {
  start: { byte: number };
  end: { byte: number };
  score: number;
}

/** `from`: the byte at which the text starts. */
function words(text: string, placed: Placed[], from: number): ViewWord[] {
  const flat = placed.flatMap((word) => [word.start.byte - from, word.end.byte - from]);
  const at = characters(text, flat);
  return placed.map((word, index) => ({ start: at[2 * index] ?? 0, end: at[2 * index + 1] ?? 0, score: word.score }));
}

export interface Told {
  title: string;
  place: string;
  language: string;
  text: string;
}

export function pairView(a: Told, b: Told, answer: Comparison): PairView {
  const side = (told: Told, compared: ComparedSide): ViewSide => ({
    ...told,
    words: words(told.text, compared.words, 0),
    coverage: compared.coverage,
  });
  const scores = (compared: ComparedSide) => compared.words.map((word) => word.score);
  const raw = { ...split(answer.residual, answer.pairs, [scores(answer.a), scores(answer.b)]), cosine: answer.cosine, caption: 'cosine' };
  return {
    kind: 'pair',
    sides: [side(a, answer.a), side(b, answer.b)],
    raw,
    centred: answer.centred && centredSplit(a.language, b.language, answer, answer.centred),
    links: answer.alignment.map((link) => ({ a: link.a, b: link.b })),
  };
}

function centredSplit(a: string, b: string, answer: Comparison, centred: NonNullable<Comparison['centred']>): ViewSplit {
  const languages = a === b ? `${a} has` : `${a} and ${b} have`;
  const parts = split(centred.residual, centred.pairs, [centred.a.scores, centred.b.scores]);
  const measured =
    Math.abs(centred.similarity - centred.cosine) > 5e-4 ? `; similarity ${centred.similarity.toFixed(3)}` : '';
  const caption = `without what ${languages} in common, which is ${centred.common.toFixed(3).replace('-', '−')} of the cosine ${answer.cosine.toFixed(3)}${measured}`;
  return { ...parts, cosine: centred.cosine, caption };
}

/** Behind the rows and columns of the words stand those of special tokens, biases and, where it was taken off, of what is common. */
function split(residual: number, pairs: number[][], scores: [number[], number[]]): Omit<ViewSplit, 'cosine' | 'caption'> {
  const names = ['between words', 'special tokens', 'biases', 'taken off with the languages'];
  const sums: number[] = [];
  pairs.forEach((row, i) =>
    row.forEach((value, j) => {
      // A pair belongs to the part of its two that comes later.
      const part = Math.max(0, i - scores[0].length + 1, j - scores[1].length + 1);
      sums[part] = (sums[part] ?? 0) + value;
    }),
  );
  return { residual, pairs, scores, rest: sums.map((value, part) => ({ name: names[part] ?? 'other', value })) };
}

export function unitView(text: string, unit: ExplainedUnit, place: string): ViewUnit {
  return {
    title: unit.name ? `${unit.kind} ${unit.name}` : unit.kind,
    place,
    text,
    words: words(text, unit.words, unit.start.byte),
    ranks: unit.words.map((word) => word.rank),
    tokens: unit.tokens,
    coverage: unit.coverage,
    bias: unit.bias_share,
    special: unit.special_share,
    residual: unit.residual,
  };
}
