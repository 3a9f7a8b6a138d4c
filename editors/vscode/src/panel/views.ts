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
  const raw = split(answer.cosine, answer.residual, answer.pairs, [scores(answer.a), scores(answer.b)], 0);
  const { centred } = answer;
  const own = centred && split(centred.cosine, centred.residual, centred.pairs, [centred.a.scores, centred.b.scores], 1);
  if (own && centred) {
    const languages = a.language === b.language ? a.language : `${a.language} and ${b.language}`;
    own.rest.push({ name: `set aside: what ${languages} has in common`, value: centred.common });
  }
  return {
    kind: 'pair',
    sides: [side(a, answer.a), side(b, answer.b)],
    raw,
    centred: own,
    links: answer.alignment.map((link) => ({ a: link.a, b: link.b })),
  };
}

/** `more`: rows and columns behind those of special tokens and biases. */
function split(
  cosine: number,
  residual: number,
  pairs: number[][],
  scores: [number[], number[]],
  more: number,
): ViewSplit {
  const [rows, columns] = [scores[0].length, scores[1].length];
  let [between, special, bias, common] = [0, 0, 0, 0];
  pairs.forEach((row, i) =>
    row.forEach((value, j) => {
      if (i < rows && j < columns) {
        between += value;
      } else if (more > 0 && (i > rows + 1 || j > columns + 1)) {
        common += value;
      } else if (i === rows + 1 || j === columns + 1) {
        bias += value;
      } else {
        special += value;
      }
    }),
  );
  const rest = [
    { name: 'between words', value: between },
    { name: 'special tokens', value: special },
    { name: 'biases', value: bias },
    ...(more > 0 ? [{ name: 'taken off with the languages', value: common }] : []),
  ];
  return { cosine, residual, pairs, scores, rest };
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
