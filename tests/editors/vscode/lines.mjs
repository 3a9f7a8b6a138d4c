// Moving heat through edits and building it from changes, compared with searching the words in the new text.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Loads the functions under test from the extension's sources. */
async function loaded({ root, scratch, esbuild }) {
  const { build } = createRequire(import.meta.url)(esbuild);
  const outfile = join(scratch, 'lines.mjs');
  await build({ entryPoints: [join(root, 'editors/vscode/src/heat/lines.ts')], bundle: true, format: 'esm', outfile, logLevel: 'error' });
  return import(outfile);
}

/** A generator of the same pseudorandom numbers in every run. */
function dice(seed) {
  let state = seed;
  return (most) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * (most + 1));
  };
}

/** Every word of a text by line, with a level that depends on its length. */
function wordsOf(text) {
  return text.split('\n').map((line) => [...line.matchAll(/\w+/g)].map((word) => [word.index, word.index + word[0].length, 1 + (word[0].length % 12)]));
}

function placeOf(text, offset) {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length - 1, character: before.at(-1).length };
}

const plain = (lines, count) => Array.from({ length: count }, (_, line) => (lines[line] ?? []).map((word) => [...word]));

export async function linesTests(world, { test }) {
  const { edited, take } = await loaded(world);
  const text = Array.from({ length: 12 }, (_, line) => `alpha${line} beta, gamma(delta) ${'e'.repeat(line)}`).join('\n');

  await test('words that an edit does not touch move with their text', () => {
    const roll = dice(7);
    for (let round = 0; round < 2000; round++) {
      const [one, other] = [roll(text.length), roll(text.length)];
      // An edit may cut words; the test compares only words that the edit does not touch.
      const from = Math.min(one, other);
      const to = Math.min(text.length, from + (Math.max(one, other) - from) % 60);
      const inserted = ['', ' ', '\n', ' \n \n', ', '][roll(4)];
      const next = text.slice(0, from) + inserted + text.slice(to);
      const range = { start: placeOf(text, from), end: placeOf(text, to) };
      const moved = plain(edited(wordsOf(text), range, inserted), next.split('\n').length);
      const lines = next.split('\n');
      const [head, tail] = [from - (text.slice(0, from).match(/\w*$/)[0].length), next.length - text.length + to + text.slice(to).match(/^\w*/)[0].length];
      // Words before and after the edit.
      wordsOf(next).forEach((words, line) =>
        words.forEach(([start, end]) => {
          const offset = lines.slice(0, line).join('\n').length + (line > 0 ? 1 : 0) + start;
          const untouched = offset + (end - start) <= head || offset >= tail;
          if (untouched) {
            assert.ok(moved[line].some((word) => word[0] === start && word[1] === end), `${round}: ${lines[line].slice(start, end)}`);
          }
        }),
      );
      moved.forEach((words, line) => words.forEach(([start, end]) => assert.ok(0 <= start && start < end && end <= lines[line].length)));
    }
  });

  await test('a word stays one word after an edit inside it, and typing beside it does not make it longer', () => {
    const at = (character) => ({ start: { line: 0, character }, end: { line: 0, character } });
    assert.deepEqual(edited([[[4, 8, 3]]], at(6), 'xy'), [[[4, 10, 3]]]);
    assert.deepEqual(edited([[[4, 8, 3]]], at(4), 'xy'), [[[6, 10, 3]]]);
    assert.deepEqual(edited([[[4, 8, 3]]], at(8), 'xy'), [[[4, 8, 3]]]);
    assert.deepEqual(edited([[[4, 8, 3]]], { start: { line: 0, character: 0 }, end: { line: 0, character: 9 } }, ''), [[]]);
  });

  await test('changes are merged with the previous heat, and refused if that is missing', () => {
    const message = (version, words, changed) => ({ uri: '', version, method: '', levels: 12, complete: true, words, unread: [], ...(changed ? { changed } : {}) });
    const first = take(undefined, message(1, [[0, 0, 1, 5], [2, 0, 1, 6], [3, 0, 1, 7]]));
    const next = take(first, message(2, [[1, 2, 3, 9]], { since: 1, start: 1, end: 4, was: 3 }));
    assert.deepEqual(plain(next.lines, 5), [[[0, 1, 5]], [[2, 3, 9]], [], [], [[0, 1, 7]]]);
    assert.equal(take(first, message(4, [], { since: 3, start: 0, end: 1, was: 1 })), undefined);
    assert.equal(take(undefined, message(2, [], { since: 1, start: 0, end: 1, was: 1 })), undefined);
  });
}
