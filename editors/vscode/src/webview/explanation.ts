/** Which words carry a passage: the text shaded by their shares, and the strongest of them in order. */
import type { ExplanationView, Request, ViewUnit } from '../panel/messages';
import { bar, element, percent, say, strength } from './elements';
import { passage } from './passage';

/** Words that are named: of one unit, of each of several. */
const NAMED = [20, 8] as const;

export function showExplanation(root: HTMLElement, view: ExplanationView, send: (request: Request) => void): void {
  const title = element('h1', {}, view.title);
  const facts = element('p', { class: 'place' }, `${view.model} · ${view.method}`);
  const named = view.units.length === 1 ? NAMED[0] : NAMED[1];
  root.append(title, facts, ...view.units.map((unit, part) => unitOf(unit, part, named, send)));
}

function unitOf(unit: ViewUnit, part: number, named: number, send: (request: Request) => void): HTMLElement {
  const most = Math.max(...unit.words.map((word) => word.score), 1e-9);
  const rows = new Map<number, HTMLElement>();
  const textOf = (index: number) => unit.text.slice(unit.words[index]?.start ?? 0, unit.words[index]?.end ?? 0);
  const reveal = (index: number) => {
    const word = unit.words[index];
    if (word) {
      send({ kind: 'reveal', part, start: word.start, end: word.end });
    }
  };
  const made = passage(unit.text, unit.words, `${unit.title}: words by their share`, {
    look: (index) => {
      rows.forEach((row, each) => row.classList.toggle('looked', each === index));
      made.words.forEach((word, each) => {
        if (each === index) {
          word.dataset['looked'] = 'true';
        } else {
          delete word.dataset['looked'];
        }
      });
      const word = index === undefined ? undefined : unit.words[index];
      if (word && index !== undefined) {
        say(`${textOf(index)}: ${percent(word.score)}, rank ${unit.ranks[index]} of ${unit.words.length}`);
      }
    },
    choose: reveal,
  });
  made.words.forEach((word, index) => {
    const share = unit.words[index]?.score ?? 0;
    word.dataset['share'] = String(strength(share, most));
    word.title = `${percent(share)}, rank ${unit.ranks[index]} of ${unit.words.length}`;
  });
  const order = unit.words.map((_, index) => index).sort((a, b) => (unit.ranks[a] ?? 0) - (unit.ranks[b] ?? 0));
  for (const index of order.slice(0, named)) {
    const share = unit.words[index]?.score ?? 0;
    const button = element('button', { type: 'button', class: 'link' }, element('code', {}, textOf(index)));
    button.addEventListener('click', () => reveal(index));
    rows.set(index, element('li', {}, element('span', { class: 'value' }, percent(share)), bar(share, most), button));
  }
  const rest = `${unit.tokens} tokens · special tokens ${percent(unit.special)} · biases ${percent(unit.bias)} · residual ${unit.residual.toExponential(0)}`;
  const unread = unit.coverage < 0.5 ? [element('p', { class: 'warning' }, `The model’s vocabulary has ${percent(unit.coverage)} of the letters here.`)] : [];
  return element(
    'section',
    { class: 'unit', 'aria-label': unit.title },
    element('h2', {}, unit.title),
    element('p', { class: 'place' }, unit.place),
    ...unread,
    element('div', { class: 'columns' }, made.root, element('ol', { class: 'ranking' }, ...rows.values())),
    element('p', { class: 'quiet' }, rest),
  );
}
