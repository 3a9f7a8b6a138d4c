/** Why two passages are similar: a word on one side lights those on the other that it adds to the cosine with. */
import type { PairView, Request, ViewSplit } from '../panel/messages';
import { bar, element, say, signed, strength } from './elements';
import { type Passage, passage } from './passage';

/** Partners that are named. */
const NAMED = 7;
/** The least strength (of ten) that a partner is lit with. */
const WORTH = 2;

interface Partner {
  index: number;
  value: number;
}

export function showPair(root: HTMLElement, view: PairView, send: (request: Request) => void): void {
  let split: ViewSplit = view.centred ?? view.raw;
  const summary = element('section', { class: 'summary', 'aria-label': 'The similarity' });
  const partners = element('section', { class: 'partners', 'aria-label': 'Partners of the word' });
  const passages: Passage[] = [];

  const look = (side: 0 | 1, index: number | undefined) => {
    clear(passages);
    const told = index === undefined ? strongest(view, split) : ofWord(view, split, side, index, passages);
    partners.replaceChildren(...told);
  };
  const sides = view.sides.map((each, position) => {
    const side = position as 0 | 1;
    const other = view.sides[1 - side]?.title ?? '';
    const made = passage(each.text, each.words, `${each.title}: words, with their partners in ${other}`, {
      look: (index) => look(side, index),
      choose: (index) => {
        const word = each.words[index];
        if (word) {
          send({ kind: 'reveal', part: side, start: word.start, end: word.end });
        }
      },
    });
    passages.push(made);
    const heading = element('h2', {}, each.title);
    const place = element('p', { class: 'place' }, `${each.place} · ${each.language}`);
    const unread = each.coverage < 0.5 ? [element('p', { class: 'warning' }, 'The model’s vocabulary cannot read most of this.')] : [];
    return element('section', { class: 'side', 'aria-label': each.title }, heading, place, ...unread, made.root);
  });

  const draw = () => {
    summary.replaceChildren(...summaryOf(view, split, choose));
    shade(passages, split);
    look(0, undefined);
  };
  const choose = (wanted: ViewSplit) => {
    split = wanted;
    draw();
    summary.querySelector<HTMLElement>('[aria-pressed="true"]')?.focus();
  };
  root.append(element('div', { class: 'top' }, summary, partners), element('div', { class: 'sides' }, ...sides));
  draw();
}

/** The cosine, what it is the sum of, and the choice between the two ways to split it. */
function summaryOf(view: PairView, split: ViewSplit, choose: (split: ViewSplit) => void): HTMLElement[] {
  const [a, b] = view.sides;
  const title = element('h1', {}, `Why ${a.title} resembles ${b.title}`);
  const cosine = element('p', { class: 'cosine' }, element('strong', {}, split.cosine.toFixed(3)));
  cosine.append(` ${split.caption}`);
  const most = Math.max(Math.abs(split.cosine), ...split.rest.map((part) => Math.abs(part.value)));
  const parts = split.rest.map((part) =>
    element('li', {}, element('span', { class: 'value' }, signed(part.value)), bar(part.value, most), element('span', {}, part.name)),
  );
  const residual = element('li', { class: 'quiet' }, element('span', { class: 'value' }, split.residual.toExponential(0)));
  residual.append(element('span', { class: 'bar' }), element('span', {}, 'residual'));
  const list = element('ul', { class: 'parts' }, ...parts, residual);
  const { centred } = view;
  if (!centred) {
    return [title, cosine, list];
  }
  const button = (name: string, wanted: ViewSplit) => {
    const made = element('button', { type: 'button', 'aria-pressed': String(split === wanted) }, name);
    made.addEventListener('click', () => choose(wanted));
    return made;
  };
  const choice = element('div', { class: 'choice', role: 'group', 'aria-label': 'What is split' });
  choice.append(button('Without the languages', centred), button('Everything', view.raw));
  return [title, choice, cosine, list];
}

/** What each word adds with all of the other side, as shading. */
function shade(passages: Passage[], split: ViewSplit): void {
  const most = Math.max(...split.scores.flat());
  passages.forEach(({ words }, side) => {
    words.forEach((word, index) => {
      const score = split.scores[side as 0 | 1][index] ?? 0;
      word.dataset['share'] = String(strength(score, most));
      word.title = `adds ${signed(score)}`;
    });
  });
}

function clear(passages: Passage[]): void {
  for (const word of passages.flatMap((each) => each.words)) {
    delete word.dataset['partner'];
    delete word.dataset['looked'];
    delete word.dataset['against'];
  }
}

/** Lights the partners of a word and lists them. */
function ofWord(view: PairView, split: ViewSplit, side: 0 | 1, index: number, passages: Passage[]): HTMLElement[] {
  const others = view.sides[1 - side];
  const count = others?.words.length ?? 0;
  const values = Array.from({ length: count }, (_, other) =>
    side === 0 ? (split.pairs[index]?.[other] ?? 0) : (split.pairs[other]?.[index] ?? 0),
  );
  const most = Math.max(...values.map(Math.abs), 1e-9);
  passages.forEach((each, position) => {
    each.root.classList.toggle('dimmed', position !== side);
  });
  const self = passages[side]?.words[index];
  if (self) {
    self.dataset['looked'] = 'true';
  }
  values.forEach((value, other) => {
    const word = passages[1 - side]?.words[other];
    const much = strength(Math.abs(value), most);
    if (word && much >= WORTH) {
      word.dataset[value > 0 ? 'partner' : 'against'] = String(much);
    }
  });
  const name = textOf(view, side, index);
  const best = values
    .map((value, other): Partner => ({ index: other, value }))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, NAMED);
  const link = view.links.find((each) => (side === 0 ? each.a : each.b) === index);
  const linked = link ? (side === 0 ? link.b : link.a) : undefined;
  const sum = split.scores[side][index] ?? 0;
  const rows = best.map(({ index: other, value }) => {
    const mark = other === linked ? [element('span', { class: 'note' }, 'corresponds')] : [];
    const text = element('code', {}, textOf(view, side === 0 ? 1 : 0, other));
    return element('li', {}, element('span', { class: 'value' }, signed(value, 4)), bar(value, most), text, ...mark);
  });
  const told = best.slice(0, 3).map(({ index: other, value }) => `${textOf(view, side === 0 ? 1 : 0, other)} ${signed(value)}`);
  say(`${name} adds ${signed(sum)} of ${split.cosine.toFixed(2)}: ${told.join(', ')}`);
  const heading = element('h2', {}, element('code', {}, name), ` adds ${signed(sum, 4)}; with`);
  return [heading, element('ol', {}, ...rows)];
}

/** The pairs that add most, of words that stand in several places with their sum: while no word is looked at. */
function strongest(view: PairView, split: ViewSplit): HTMLElement[] {
  document.querySelectorAll('.dimmed').forEach((each) => each.classList.remove('dimmed'));
  const sums = new Map<string, { a: string; b: string; value: number }>();
  view.sides[0].words.forEach((_, a) =>
    view.sides[1].words.forEach((__, b) => {
      const [left, right] = [textOf(view, 0, a), textOf(view, 1, b)];
      const sum = sums.get(`${left}\0${right}`) ?? { a: left, b: right, value: 0 };
      sum.value += split.pairs[a]?.[b] ?? 0;
      sums.set(`${left}\0${right}`, sum);
    }),
  );
  const named = [...sums.values()].filter((pair) => /[\p{L}\p{N}]/u.test(pair.a) && /[\p{L}\p{N}]/u.test(pair.b));
  const best = named.sort((a, b) => b.value - a.value).slice(0, NAMED);
  const rows = best.map((pair) =>
    element(
      'li',
      {},
      element('span', { class: 'value' }, signed(pair.value, 4)),
      bar(pair.value, best[0]?.value ?? 1),
      element('code', {}, pair.a),
      ' ↔ ',
      element('code', {}, pair.b),
    ),
  );
  const heading = element('h2', {}, 'Pairs of words that add most');
  const hint = element('p', { class: 'quiet' }, 'Point at a word, or walk with Tab and the arrow keys; Enter goes to it.');
  return [heading, element('ol', {}, ...rows), hint];
}

function textOf(view: PairView, side: 0 | 1, index: number): string {
  const { text, words } = view.sides[side];
  const word = words[index];
  return word ? text.slice(word.start, word.end) : '';
}
