/** The most telling words of a passage: the text with colored words, and a list of the strongest. */
import type { ExplanationView, Request, ViewUnit } from '../panel/messages';
import { bar, details, element, percent, say, tone, withCode } from './elements';
import { passage } from './passage';
import { WORDS } from './syntax';

/** The number of listed words: for a single unit, and for each of several units. */
const NAMED = [12, 6] as const;

export function showExplanation(root: HTMLElement, view: ExplanationView, send: (request: Request) => void): void {
  const named = view.units.length === 1 ? NAMED[0] : NAMED[1];
  root.append(element('h1', { class: 'cut', title: view.title }, view.title));
  view.units.forEach((unit, part) => root.append(unitOf(unit, part, named, send, view.units.length > 1)));
  root.querySelector('.asked')?.scrollIntoView({ block: 'nearest' });
}

function unitOf(unit: ViewUnit, part: number, named: number, send: (request: Request) => void, headed: boolean): HTMLElement {
  const most = Math.max(...unit.words.map((word) => word.score), 1e-9);
  const rows = new Map<number, HTMLElement>();
  const textOf = (index: number) => unit.text.slice(unit.words[index]?.start ?? 0, unit.words[index]?.end ?? 0);
  const made = passage(unit.text, unit.language, unit.words, `${unit.title}: words by how much they tell`, {
    look: (index) => {
      rows.forEach((row, each) => row.classList.toggle('looked', each === index));
      made.words.forEach((word, each) => {
        if (each === index) {
          word.dataset['looked'] = 'true';
        } else {
          delete word.dataset['looked'];
        }
      });
      if (index !== undefined) {
        say(`${textOf(index)}: number ${unit.ranks[index]} of ${unit.words.length} words`);
      }
    },
    choose: (word) => send({ kind: 'reveal', part, word }),
  });
  made.words.forEach((word, index) => {
    const share = unit.words[index]?.score ?? 0;
    word.dataset['share'] = String(WORDS.has(textOf(index)) ? 0 : tone(share, most));
    word.title = `number ${unit.ranks[index]} of ${unit.words.length}`;
    word.classList.toggle('asked', index === unit.asked);
    if ((unit.related[index] ?? 0) > 0 && index !== unit.asked) {
      word.classList.add(`related${unit.related[index]}`);
    }
  });
  const order = unit.words.map((_, index) => index).sort((a, b) => (unit.ranks[a] ?? 0) - (unit.ranks[b] ?? 0));
  for (const index of order.slice(0, named)) {
    const share = unit.words[index]?.score ?? 0;
    const button = element('button', { type: 'button', class: 'link', title: percent(share) }, element('code', {}, textOf(index)));
    button.addEventListener('click', () => send({ kind: 'reveal', part, word: index }));
    const row = element('li', {}, bar(share, most), button);
    row.classList.toggle('asked', index === unit.asked);
    rows.set(index, row);
  }
  const unread = unit.coverage < 0.5 ? [element('p', { class: 'warning' }, `The model knows only ${percent(unit.coverage)} of the characters here.`)] : [];
  const answer = unit.answer === null ? [] : [element('p', { class: 'sentence' }, ...withCode(unit.answer))];
  return element(
    'section',
    { class: 'unit', 'aria-label': unit.title },
    ...(headed ? [element('h2', { class: 'cut', title: unit.title }, unit.title)] : []),
    element('p', { class: 'place cut' }, headed ? unit.place : `${unit.title} · ${unit.place}`),
    ...answer,
    ...unread,
    element('div', { class: 'columns' }, made.root, element('ol', { class: 'ranking', 'aria-label': 'Most telling words' }, ...rows.values())),
    details(unit.details),
  );
}
