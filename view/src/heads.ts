// What a head does, measured on its map.
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
  copy: 'behind the same token',
  focus: 'focus on few',
};

/** What each measure says of a head, as the end of “looks at …”. */
const LOOKS: Record<Exclude<Measure, 'focus'>, string> = {
  previous: 'the token before',
  next: 'the token after',
  itself: 'the token itself',
  special: 'special tokens',
  delimiter: 'punctuation elsewhere',
  same: 'other places of the same token',
  partner: 'the partner of a bracket',
  copy: 'the token behind an earlier place of the same token (induction, Olsson et al. 2022)',
};

/** Measures over some of the tokens: those that have a partner, or stood in the text before. The others are over all tokens. */
const OF_SOME: Measure[] = ['partner', 'copy'];

/** Fewer tokens say nothing about a head. */
const FEWEST = 2;

export type Profile = Record<Measure, number> & {
  /** How many tokens each measure of some tokens is about. */
  counts: { partner: number; copy: number };
  /** The token that takes most, and its share; an ordinary one only if it takes several times as much as the others. */
  sink: { token: number; share: number } | null;
  /** Whether both sides are one text; places mean nothing otherwise. */
  own: boolean;
};

/** What can be measured between two texts. */
const BETWEEN: Measure[] = ['special', 'delimiter', 'same', 'focus'];

const OPENING: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

const partners = new WeakMap<UnitText, Map<number, number>>();

/** The partner of each bracket among the tokens. */
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

/** Of each token, the places behind earlier places of the same token. */
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

/** Whether a measure says something of a text. */
export function hasMeaning(profile: Profile, measure: Measure): boolean {
  return measure !== 'partner' && measure !== 'copy' ? true : profile.counts[measure] >= FEWEST;
}

/** A map of a layer. */
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

/** How many times its equal share an ordinary token must take to be a sink. */
const SINK = 5;

/** Mean shares of a head's attention, over the tokens that look. Places mean something only within one text. */
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

/** What the head does, in words: the largest share, if it is large. */
export function told(profile: Profile): { measure: Exclude<Measure, 'focus'> | null; words: string } {
  const named = measuresOf(profile.own).filter((measure): measure is Exclude<Measure, 'focus'> => measure !== 'focus' && !OF_SOME.includes(measure));
  const most = named.reduce((a, b) => (profile[b] > profile[a] ? b : a));
  const share = `${Math.round(100 * profile[most])} %`;
  return profile[most] >= 0.4
    ? { measure: most, words: `looks mostly at ${LOOKS[most]} (${share})` }
    : { measure: null, words: `spreads its attention; most of it, ${share}, on ${LOOKS[most]}` };
}
