// Measures of what a head attends to, computed from its map.
import type { UnitText } from './data';

export const MEASURES = ['previous', 'next', 'itself', 'special', 'delimiter', 'same', 'partner', 'copy', 'focus'] as const;
export type Measure = (typeof MEASURES)[number];

export const MEASURE_TITLES: Record<Measure, string> = {
  previous: 'token before',
  next: 'token after',
  itself: 'itself',
  special: 'special tokens',
  delimiter: 'other punctuation',
  same: 'same token elsewhere',
  partner: 'bracket’s partner',
  copy: 'after the same token',
  focus: 'focus on few tokens',
};

/** The description of each measure, which completes “looks at …”. */
const LOOKS: Record<Exclude<Measure, 'focus'>, string> = {
  previous: 'the token before',
  next: 'the token after',
  itself: 'the token itself',
  special: 'special tokens',
  delimiter: 'punctuation elsewhere',
  same: 'other occurrences of the same token',
  partner: 'the partner of a bracket',
  copy: 'the token after an earlier occurrence of the same token (induction, Olsson et al. 2022)',
};

/** Measures with a mean over some tokens only: those that have a partner, or that occurred before. */
const OF_SOME: Measure[] = ['partner', 'copy'];

/** Minimum tokens for these measures; fewer say nothing about a head. */
const FEWEST = 2;

export type Profile = Record<Measure, number> & {
  /** The number of tokens in the mean of each of these measures. */
  counts: { partner: number; copy: number };
  /** The token that receives most attention, and its share. An ordinary token counts only if its share is exceptional. */
  sink: { token: number; share: number } | null;
  /** Whether both sides are the same text; otherwise, positions cannot be compared. */
  own: boolean;
};

/** The measures that apply between two texts. */
const BETWEEN: Measure[] = ['special', 'delimiter', 'same', 'focus'];

const OPENING: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

const partners = new WeakMap<UnitText, Map<number, number>>();

/** The position of the partner of each bracket. */
export function partnersOf(text: UnitText): Map<number, number> {
  const known = partners.get(text);
  if (known) {
    return known;
  }
  const found = new Map<number, number>();
  const open: number[] = [];
  text.tokens.forEach((token, at) => {
    const bracket = token.special ? '' : token.source.trim();
    if ('([{'.includes(bracket) && bracket !== '') {
      open.push(at);
    } else if (OPENING[bracket]) {
      const last = open.pop();
      if (last !== undefined && text.tokens[last]?.source.trim() === OPENING[bracket]) {
        found.set(last, at).set(at, last);
      }
    }
  });
  partners.set(text, found);
  return found;
}

const followers = new WeakMap<UnitText, number[][]>();

/** For each token, the positions after its earlier occurrences. */
export function followersOf(text: UnitText): number[][] {
  const known = followers.get(text);
  if (known) {
    return known;
  }
  const places = new Map<number, number[]>();
  const found = text.tokens.map((token, at) => {
    if (token.special) {
      return [];
    }
    const before = places.get(token.id) ?? [];
    places.set(token.id, [...before, at]);
    return before.map((place) => place + 1).filter((place) => place < at);
  });
  followers.set(text, found);
  return found;
}

const isDelimiter = (source: string) => /^[^\p{L}\p{N}\s_]+$/u.test(source.trim());

export function measuresOf(own: boolean): Measure[] {
  return own ? [...MEASURES] : BETWEEN;
}

/** Whether a text has enough tokens for a measure. */
export function hasMeaning(profile: Profile, measure: Measure): boolean {
  return measure !== 'partner' && measure !== 'copy' ? true : profile.counts[measure] >= FEWEST;
}

/** The attention maps of all heads of a layer. */
export class Maps {
  constructor(
    readonly values: Uint16Array,
    readonly heads: number,
    readonly n: number,
    readonly m: number,
  ) {}

  at(head: number, i: number, j: number): number {
    return (this.values[(head * this.n + i) * this.m + j] ?? 0) / 65535;
  }

  row(head: number, i: number): number[] {
    return Array.from({ length: this.m }, (_, j) => this.at(head, i, j));
  }
}

/** An ordinary token is a sink if it receives more than this many equal shares. */
const SINK = 5;

/** The mean shares of a head's attention over the attending tokens. It compares positions only within one text. */
export function profile(maps: Maps, head: number, from: UnitText, to: UnitText): Profile {
  const { n, m } = maps;
  const own = from === to;
  const out: Profile = { previous: 0, next: 0, itself: 0, special: 0, delimiter: 0, same: 0, partner: 0, copy: 0, focus: 0, counts: { partner: 0, copy: 0 }, sink: null, own };
  const brackets = own ? partnersOf(from) : new Map<number, number>();
  const behind = own ? followersOf(from) : [];
  const delimiters = to.tokens.map((token) => !token.special && isDelimiter(token.source));
  const received = new Float64Array(m);
  let rows = 0;
  for (let i = 0; i < n; i++) {
    if (own && from.tokens[i]?.special) {
      continue;
    }
    rows++;
    let entropy = 0;
    for (let j = 0; j < m; j++) {
      const p = maps.at(head, i, j);
      received[j]! += p;
      entropy -= p > 0 ? p * Math.log(p) : 0;
      const source = to.tokens[j];
      if (source?.special) {
        out.special += p;
      } else if (own && j === i) {
        out.itself += p;
      } else if (own && j === i - 1) {
        out.previous += p;
      } else if (own && j === i + 1) {
        out.next += p;
      } else if (source && source.id === from.tokens[i]?.id) {
        out.same += p;
      } else if (delimiters[j]) {
        out.delimiter += p;
      }
    }
    out.focus += 1 / Math.exp(entropy);
    const partner = brackets.get(i);
    if (partner !== undefined) {
      out.counts.partner++;
      out.partner += maps.at(head, i, partner);
    }
    const copied = behind[i] ?? [];
    if (copied.length > 0) {
      out.counts.copy++;
      out.copy += copied.reduce((total, j) => total + maps.at(head, i, j), 0);
    }
  }
  for (const measure of MEASURES) {
    out[measure] /= Math.max(measure === 'partner' || measure === 'copy' ? out.counts[measure] : rows, 1);
  }
  for (let j = 0; j < m; j++) {
    const share = received[j]! / Math.max(rows, 1);
    const apart = to.tokens[j]?.special || share * m > SINK;
    if (apart && share > (out.sink?.share ?? 0)) {
      out.sink = { token: j, share };
    }
  }
  return out;
}

/** Describes a head by its largest share. */
export function told(profile: Profile): { measure: Exclude<Measure, 'focus'> | null; words: string } {
  const named = measuresOf(profile.own).filter((measure): measure is Exclude<Measure, 'focus'> => measure !== 'focus' && !OF_SOME.includes(measure));
  const most = named.reduce((a, b) => (profile[b] > profile[a] ? b : a));
  const share = `${Math.round(100 * profile[most])} %`;
  return profile[most] >= 0.4
    ? { measure: most, words: `looks mostly at ${LOOKS[most]} (${share})` }
    : { measure: null, words: `spreads its attention; the largest part, ${share}, goes to ${LOOKS[most]}` };
}
