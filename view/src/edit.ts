// The changes of the What if panel, and their form in the path of a question, which src/view/edit.rs describes.

export type Change = { kind: 'delete' } | { kind: 'mask' } | { kind: 'replace'; text: string };

export interface Edit {
  words: Map<number, Change>;
  /** Heads that are switched off, such as `h2.5`. */
  off: Set<string>;
}

/** The bytes of a text in hexadecimal. */
export function hex(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function textOf(digits: string): string {
  const bytes = (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

export function parseEdit(path: string): Edit {
  const edit: Edit = { words: new Map(), off: new Set() };
  for (const part of path.split(',')) {
    const [, kind, number, rest] = part.match(/^([a-z])(\d+)(?:\.([0-9a-f]+))?$/) ?? [];
    const word = Number(number);
    if (rest === undefined && kind === 'd') {
      edit.words.set(word, { kind: 'delete' });
    } else if (rest === undefined && kind === 'm') {
      edit.words.set(word, { kind: 'mask' });
    } else if (rest !== undefined && kind === 'r') {
      edit.words.set(word, { kind: 'replace', text: textOf(rest) });
    } else if (rest !== undefined && kind && 'hdx'.includes(kind)) {
      edit.off.add(part);
    }
  }
  return edit;
}

export function pathOf({ words, off }: Edit): string {
  const parts = [...words].sort((a, b) => a[0] - b[0]).map(([word, change]) => (change.kind === 'delete' ? `d${word}` : change.kind === 'mask' ? `m${word}` : `r${word}.${hex(change.text)}`));
  parts.push(...[...off].sort());
  return parts.length > 0 ? parts.join(',') : '-';
}
