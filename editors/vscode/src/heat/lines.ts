/**
 * The heat of a document as lines of words: as the server sent it, and moved by the edits since.
 *
 * This file does not use the editor's API, so that it can be tested separately.
 */
import type { HeatParams, Range, Unread, Word } from '../protocol';

/** Start, end (exclusive) and level of a word in a line. */
export type LineWord = readonly [start: number, end: number, level: number];

/** Words by line; a line without any may be a hole. Lines are never changed, only replaced. */
export type Lines = (readonly LineWord[] | undefined)[];

/** The whole heat of one version. */
export interface Told {
  version: number;
  lines: Lines;
  unread: Unread[];
}

/** The whole heat after a message; undefined if the previous message is missing. */
export function take(before: Told | undefined, params: HeatParams): Told | undefined {
  const told = byLine(params.words);
  const change = params.changed;
  if (!change) {
    return { version: params.version, lines: told, unread: params.unread };
  }
  if (before?.version !== change.since) {
    return undefined;
  }
  const lines = before.lines.slice(0, change.start);
  for (let line = change.start; line < change.end; line++) {
    lines[line] = told[line];
  }
  const down = change.end - change.was;
  for (let line = change.was; line < before.lines.length; line++) {
    lines[line + down] = before.lines[line];
  }
  const kept = before.unread.flatMap((stretch) => {
    const line = stretch.range.start.line;
    return line < change.start ? [stretch] : line >= change.was ? [lowered(stretch, down)] : [];
  });
  return { version: params.version, lines, unread: [...kept, ...params.unread] };
}

function byLine(words: Word[]): Lines {
  const lines: LineWord[][] = [];
  for (const [line, start, end, level] of words) {
    (lines[line] ??= []).push([start, end, level]);
  }
  return lines;
}

function lowered(unread: Unread, down: number): Unread {
  const { start, end } = unread.range;
  const range = { start: { ...start, line: start.line + down }, end: { ...end, line: end.line + down } };
  return { ...unread, range };
}

/** The lines after an edit: words move with their text, and deleted text loses its words. */
export function edited(lines: Lines, range: Range, text: string): Lines {
  const inserted = text.split(/\r\n|\r|\n/);
  const last = inserted.at(-1) ?? '';
  const { start, end } = range;
  const head = before(lines[start.line] ?? [], start.character);
  // The new position of the text after the edit.
  const column = last.length + (inserted.length === 1 ? start.character : 0);
  const tail = after(lines[end.line] ?? [], end.character, column);
  if (inserted.length > 1) {
    const between: Lines = new Array<undefined>(inserted.length - 2).fill(undefined);
    return [...padded(lines, start.line), head, ...between, tail, ...lines.slice(end.line + 1)];
  }
  return [...padded(lines, start.line), joined(head, tail, lines, range, column), ...lines.slice(end.line + 1)];
}

function padded(lines: Lines, count: number): Lines {
  const first = lines.slice(0, count);
  first.length = count;
  return first;
}

function before(words: readonly LineWord[], column: number): LineWord[] {
  return words.flatMap(([start, end, level]): LineWord[] => (start < column ? [[start, Math.min(end, column), level]] : []));
}

function after(words: readonly LineWord[], from: number, to: number): LineWord[] {
  return words.flatMap(([start, end, level]): LineWord[] =>
    end > from ? [[Math.max(start, from) - from + to, end - from + to, level]] : [],
  );
}

/** Joins the parts of a word after an edit inside it. */
function joined(head: LineWord[], tail: LineWord[], lines: Lines, range: Range, column: number): LineWord[] {
  const [first, next] = [head.at(-1), tail[0]];
  const inside = (lines[range.start.line] ?? []).some(
    ([start, end]) => range.start.line === range.end.line && start < range.start.character && range.end.character < end,
  );
  if (inside && first && next && first[1] === range.start.character && next[0] === column) {
    return [...head.slice(0, -1), [first[0], next[1], first[2]], ...tail.slice(1)];
  }
  return [...head, ...tail];
}
