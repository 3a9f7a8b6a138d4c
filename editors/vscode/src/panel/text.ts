/** The text of a passage as the panel shows it. This file does not use the editor's API, so that it can be tested separately. */

/** Converts byte offsets (UTF-8) of a text to characters (UTF-16). The offsets must be in ascending order. */
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

export interface Dedented {
  text: string;
  /** The position of a character of the original text in the new one. */
  moved(character: number): number;
}

/**
 * Removes the common indentation of all lines.
 *
 * The first line of a passage may begin after its indentation; then it does not count.
 */
export function dedented(text: string): Dedented {
  const lines = text.split('\n');
  const indented = lines.slice(/^\s/.test(text) ? 0 : 1).filter((line) => line.trim() !== '');
  const widths = indented.map((line) => line.match(/^[ \t]*/)?.[0].length ?? 0);
  // A closing bracket has the indentation of the opening line; without one, the body is one step deeper.
  const least = Math.min(...widths);
  const closes = indented.some((line, index) => widths[index] === least && /^\s*[})\]]/.test(line));
  const body = /^\s/.test(text) || closes ? least : Math.max(0, least - step(widths));
  const width = indented.length === 0 ? 0 : body;
  const cuts: { from: number; cut: number }[] = [];
  let [at, cut] = [0, 0];
  const kept = lines.map((line, index) => {
    const own = index === 0 && !/^\s/.test(text) ? 0 : Math.min(width, line.match(/^[ \t]*/)?.[0].length ?? 0);
    cut += own;
    cuts.push({ from: at, cut });
    at += line.length + 1;
    return line.slice(own);
  });
  const moved = (character: number) => {
    const line = cuts.findLastIndex(({ from }) => from <= character);
    const start = (cuts[line]?.from ?? 0) - (cuts[line - 1]?.cut ?? 0);
    return Math.max(start, character - (cuts[line]?.cut ?? 0));
  };
  return { text: kept.join('\n'), moved };
}

/** One step of indentation: the smallest difference between lines, or four columns. */
function step(widths: number[]): number {
  const least = Math.min(...widths);
  const steps = widths.map((width) => width - least).filter((width) => width > 0);
  const found = Math.min(...steps);
  return Number.isFinite(found) ? found : 4;
}

/** Cuts a title to one line. */
export function cut(title: string, most = 60): string {
  const line = title.trim().split('\n', 1)[0] ?? '';
  return line.length > most ? `${line.slice(0, most - 1).trimEnd()}…` : line;
}

/** The name of the definition in a passage of code, or its first words. */
export function nameOf(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const code = lines.filter((line) => line !== '' && !/^(\/\/|\/\*|\*|#|--|@|"""|''')/.test(line));
  const head = code.slice(0, 3).join(' ');
  const keyword = /\b(?:def|fn|func|function|class|struct|enum|trait|interface|type|impl|module|sub|namespace)\s+([\p{L}_$][\p{L}\p{N}_$]*)/u;
  const assigned = /^(?:(?:export|const|let|var)\s+)*([\p{L}_$][\p{L}\p{N}_$.]*)\s*[=:]\s*(?:async\s*)?(?:function\b|\()/u;
  const called = /([\p{L}_$~][\p{L}\p{N}_$:]*)\s*\([^)]*\)?[^;]*\{/u;
  const name = (head.match(assigned) ?? head.match(keyword) ?? head.match(called))?.[1];
  return name ?? cut(code[0] ?? lines.find((line) => line !== '') ?? '', 50);
}

const ORDINALS = ['', 'second ', 'third ', 'fourth ', 'fifth '];

/** `the third most telling word`; from the sixth on with a number. */
export function rankInWords(rank: number, count: number): string {
  const ordinal = ORDINALS[rank - 1];
  return ordinal === undefined ? `number ${rank} of the ${count} words, most telling first` : `the ${ordinal}most telling word`;
}

/** `a, b and c`. */
export function listed(names: string[]): string {
  const before = names.slice(0, -1);
  const last = names.at(-1) ?? '';
  return before.length === 0 ? last : `${before.join(', ')} and ${last}`;
}
