// What a head does, measured on its map.
import type { UnitText } from './data';

export const MEASURES = ['previous', 'next', 'itself', 'special', 'same', 'focus'] as const;
export type Measure = (typeof MEASURES)[number];

export const MEASURE_TITLES: Record<Measure, string> = {
  previous: 'token before',
  next: 'token after',
  itself: 'itself',
  special: 'special tokens',
  same: 'same token elsewhere',
  focus: 'focus on few',
};

/** What each measure says of a head, as the end of “looks at …”. */
const LOOKS: Record<Exclude<Measure, 'focus'>, string> = {
  previous: 'the token before',
  next: 'the token after',
  itself: 'the token itself',
  special: 'special tokens',
  same: 'other places of the same token',
};

export type Profile = Record<Measure, number> & {
  /** The special token that takes most, and its share. */
  sink: { token: number; share: number } | null;
  /** Whether both sides are one text; places mean nothing otherwise. */
  own: boolean;
};

/** What can be measured between two texts. */
const BETWEEN: Measure[] = ['special', 'same', 'focus'];

export function measuresOf(own: boolean): Measure[] {
  return own ? [...MEASURES] : BETWEEN;
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

/** Mean shares of a head's attention, over the tokens that look. Places mean something only within one text. */
export function profile(maps: Maps, head: number, from: UnitText, to: UnitText): Profile {
  const { n, m } = maps;
  const own = from === to;
  const out: Profile = { previous: 0, next: 0, itself: 0, special: 0, same: 0, focus: 0, sink: null, own };
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
      }
    }
    out.focus += 1 / Math.exp(entropy);
  }
  for (const measure of MEASURES) {
    out[measure] /= Math.max(rows, 1);
  }
  for (let j = 0; j < m; j++) {
    const share = received[j]! / Math.max(rows, 1);
    if (to.tokens[j]?.special && share > (out.sink?.share ?? 0)) {
      out.sink = { token: j, share };
    }
  }
  return out;
}

/** What the head does, in words: the largest share, if it is large. */
export function told(profile: Profile): { measure: Exclude<Measure, 'focus'> | null; words: string } {
  const named = measuresOf(profile.own).filter((measure): measure is Exclude<Measure, 'focus'> => measure !== 'focus');
  const most = named.reduce((a, b) => (profile[b] > profile[a] ? b : a));
  const share = `${Math.round(100 * profile[most])} %`;
  return profile[most] >= 0.4
    ? { measure: most, words: `looks mostly at ${LOOKS[most]} (${share})` }
    : { measure: null, words: `spreads its attention; most of it, ${share}, on ${LOOKS[most]}` };
}
