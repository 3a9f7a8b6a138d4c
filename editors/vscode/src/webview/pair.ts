/** Why two passages are similar: the shared words, and the passages side by side. Pointing at a word marks its matches. */
import type { PairView, Request, ViewRow, ViewShared } from '../panel/messages';
import { details, element, say, signed, tone, withCode } from './elements';
import { type Passage, passage } from './passage';
import { WORDS } from './syntax';

/** The number of named words. */
const NAMED = 6;
/** The number of listed shared words. */
const CHIPS = 9;
/** Milliseconds that the pointer rests on a word before the server is asked. */
const REST = 60;

type Send = (request: Request) => void;

/** The comparison on the page. */
export class Pair {
  private readonly passages: Passage[] = [];
  private readonly rows = new Map<string, number[]>();
  private readonly matches = element('p', { class: 'matches', 'aria-live': 'off' });
  private looked: { side: 0 | 1; word: number } | undefined;
  private timer: number | undefined;

  constructor(
    root: HTMLElement,
    readonly view: PairView,
    private readonly send: Send,
  ) {
    const [a, b] = view.sides;
    const sides = view.sides.map((_, side) => this.sideOf(side as 0 | 1));
    const shared = view.shared.slice(0, CHIPS).map((each) => this.chip(each));
    root.append(
      element('h1', { class: 'cut', title: `${a.title} and ${b.title}` }, `${a.title} and ${b.title}`),
      element(
        'section',
        { class: 'summary', 'aria-label': 'What they share' },
        element('p', { class: 'sentence' }, ...withCode(view.summary)),
        ...(shared.length > 0 ? [element('p', { class: 'chips' }, element('span', { class: 'quiet' }, 'Shared words'), ...shared)] : []),
      ),
      this.matches,
      element('div', { class: 'sides' }, ...sides),
      element('p', { class: 'quiet' }, this.trust()),
      details([['Similarity', view.similarity.toFixed(2)], ...view.details]),
    );
    this.shade();
    this.idle();
  }

  /** Handles a row of the server. */
  take({ side, word, scores }: ViewRow): void {
    this.rows.set(`${side} ${word}`, scores);
    if (this.looked?.side === side && this.looked.word === word) {
      this.light(side, word, scores);
    }
  }

  private sideOf(side: 0 | 1): HTMLElement {
    const each = this.view.sides[side];
    const other = this.view.sides[side === 0 ? 1 : 0].title;
    const made = passage(each.text, each.language, each.words, `${each.title}: words, with their matches in ${other}`, {
      look: (word) => this.look(side, word),
      choose: (word) => this.send({ kind: 'reveal', part: side, word }),
    });
    this.passages[side] = made;
    const unread = each.coverage < 0.5 ? [element('p', { class: 'warning' }, 'The model cannot read most of this text.')] : [];
    return element(
      'section',
      { class: 'side', 'aria-label': each.title },
      element('h2', { class: 'cut', title: each.title }, each.title),
      element('p', { class: 'place cut', title: each.place }, each.place),
      ...unread,
      made.root,
    );
  }

  private trust(): HTMLElement {
    const title = 'Deletes the words that count most, and as many random ones, and says what each does to the similarity';
    const button = element('button', { type: 'button', class: 'link onward', title }, 'Can I trust it?');
    button.addEventListener('click', () => this.send({ kind: 'trust' }));
    return button;
  }

  private chip(shared: ViewShared): HTMLElement {
    const button = element('button', { type: 'button', class: 'chip', title: `adds ${signed(shared.score)} to the similarity` }, element('code', {}, shared.text));
    const show = () => {
      this.clear();
      this.looked = undefined;
      this.passages.forEach((each) => each.root.classList.add('dimmed'));
      [shared.a, shared.b].forEach((words, side) =>
        words.forEach((word) => {
          const span = this.passages[side]?.words[word];
          if (span) {
            span.dataset['partner'] = '3';
          }
        }),
      );
    };
    button.addEventListener('pointerenter', show);
    button.addEventListener('focus', show);
    button.addEventListener('pointerleave', () => this.look(0, undefined));
    button.addEventListener('blur', () => this.look(0, undefined));
    button.addEventListener('click', () => {
      [shared.a, shared.b].forEach((words, side) => this.passages[side]?.words[words[0] ?? -1]?.scrollIntoView({ block: 'center', inline: 'nearest' }));
    });
    return button;
  }

  private look(side: 0 | 1, word: number | undefined): void {
    clearTimeout(this.timer);
    this.clear();
    if (word === undefined || !this.named(side, word)) {
      this.looked = undefined;
      this.idle();
      return;
    }
    this.looked = { side, word };
    const self = this.passages[side]?.words[word];
    if (self) {
      self.dataset['looked'] = 'true';
    }
    const row = this.rows.get(`${side} ${word}`) ?? this.fromPairs(side, word);
    if (row) {
      this.light(side, word, row);
    } else {
      this.timer = window.setTimeout(() => this.send({ kind: 'row', turn: this.view.turn, side, word }), REST);
    }
  }

  private fromPairs(side: 0 | 1, word: number): number[] | undefined {
    const { pairs } = this.view;
    return pairs ? (side === 0 ? pairs[word] : pairs.map((row) => row[word] ?? 0)) : undefined;
  }

  /** Marks the words that a word matches, and names the best. */
  private light(side: 0 | 1, word: number, scores: number[]): void {
    const other = side === 0 ? 1 : 0;
    const most = Math.max(...scores, 1e-9);
    this.passages[other]?.root.classList.add('dimmed');
    scores.forEach((score, index) => {
      const span = this.passages[other]?.words[index];
      if (span && tone(score, most) > 0) {
        span.dataset['partner'] = String(tone(score, most));
      }
    });
    const best = scores
      .map((score, index) => ({ score, index }))
      .filter(({ score, index }) => tone(score, most) > 0 && this.named(other, index))
      .sort((one, next) => next.score - one.score)
      .slice(0, NAMED);
    const name = this.textOf(side, word);
    const list = best.flatMap(({ index, score }) => [
      element('code', { title: `adds ${signed(score, 4)}` }, this.textOf(other, index)),
      element('span', { class: 'quiet' }, ` ${signed(score)}  `),
    ]);
    const told = best.length > 0 ? ['matches ', ...list] : ['matches no word of the other side'];
    this.matches.replaceChildren(element('code', {}, name), ' ', ...told);
    say(`${name} matches ${best.slice(0, 3).map(({ index }) => this.textOf(other, index)).join(', ') || 'no word of the other side'}`);
  }

  private idle(): void {
    this.matches.replaceChildren(
      element('span', { class: 'quiet' }, 'Point at a word to see which words it matches. Tab and the arrow keys walk, Enter opens the word in its file.'),
    );
  }

  /** Shades each word by its total contribution. */
  private shade(): void {
    this.view.sides.forEach(({ words }, side) => {
      const most = Math.max(...words.map(({ score }) => score));
      words.forEach(({ score }, index) => {
        const span = this.passages[side]?.words[index];
        if (span) {
          span.dataset['share'] = String(this.named(side as 0 | 1, index) ? tone(score, most) : 0);
          span.title = `adds ${signed(score)} to the similarity`;
        }
      });
    });
  }

  private clear(): void {
    for (const each of this.passages) {
      each.root.classList.remove('dimmed');
      for (const word of each.words) {
        delete word.dataset['partner'];
        delete word.dataset['looked'];
      }
    }
  }

  /** Whether a word is neither punctuation nor a keyword. */
  private named(side: 0 | 1, index: number): boolean {
    const text = this.textOf(side, index);
    return /[\p{L}\p{N}]/u.test(text) && !WORDS.has(text);
  }

  private textOf(side: 0 | 1, index: number): string {
    const { text, words } = this.view.sides[side];
    const word = words[index];
    return word ? text.slice(word.start, word.end) : '';
  }
}
