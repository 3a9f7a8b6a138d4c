/**
 * A passage of text with words that the user selects with the mouse or the keyboard. It has one stop of the Tab key. Inside, left and right
 * go to the next word, up and down to the nearest one of another line; Home and End work, too.
 */
import type { ViewWord } from '../panel/messages';
import { element } from './elements';
import { type Piece, pieces } from './syntax';

export interface Listener {
  /** The pointer or the focus is on a word; undefined if on none. */
  look(index: number | undefined): void;
  /** The user clicked a word, or pressed Enter on it. */
  choose(index: number): void;
}

export interface Passage {
  root: HTMLElement;
  words: HTMLElement[];
}

export function passage(text: string, language: string, words: ViewWord[], label: string, listener: Listener): Passage {
  const root = element('pre', { class: 'passage', role: 'listbox', 'aria-label': label, 'aria-orientation': 'horizontal' });
  const made: HTMLElement[] = [];
  const colored = pieces(text, language);
  let at = 0;
  words.forEach((word, index) => {
    root.append(...plain(text, at, word.start, colored));
    const attributes = { class: 'word', role: 'option', tabindex: index === 0 ? '0' : '-1', 'data-index': String(index) };
    const span = element('span', { ...attributes, 'aria-selected': 'false' }, ...plain(text, word.start, word.end, colored));
    made.push(span);
    root.append(span);
    at = word.end;
  });
  root.append(...plain(text, at, text.length, colored));
  listen(root, made, listener);
  return { root, words: made };
}

/** A part of the text in the colors of its pieces. */
function plain(text: string, from: number, to: number, colored: Piece[]): (Node | string)[] {
  const found: (Node | string)[] = [];
  let at = from;
  for (let index = firstBehind(colored, from); index < colored.length; index++) {
    const piece = colored[index];
    if (!piece || piece.start >= to) {
      break;
    }
    const [start, end] = [Math.max(from, piece.start), Math.min(to, piece.end)];
    found.push(text.slice(at, start), element('span', { class: piece.kind }, text.slice(start, end)));
    at = end;
  }
  found.push(text.slice(at, to));
  return found.filter((each) => each !== '');
}

/** The first piece that ends after a character. */
function firstBehind(colored: Piece[], character: number): number {
  let [low, high] = [0, colored.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((colored[middle]?.end ?? 0) > character) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

function listen(root: HTMLElement, words: HTMLElement[], listener: Listener): void {
  const indexOf = (target: EventTarget | null): number | undefined => {
    const word = target instanceof Element ? target.closest<HTMLElement>('.word') : null;
    return word ? Number(word.dataset['index']) : undefined;
  };
  root.addEventListener('pointerover', (event) => {
    const index = indexOf(event.target);
    if (index !== undefined) {
      listener.look(index);
    }
  });
  root.addEventListener('pointerleave', () => {
    const focused = indexOf(document.activeElement);
    listener.look(root.contains(document.activeElement) ? focused : undefined);
  });
  root.addEventListener('focusin', (event) => {
    const index = indexOf(event.target);
    words.forEach((word, each) => {
      word.tabIndex = each === index ? 0 : -1;
      word.setAttribute('aria-selected', String(each === index));
    });
    listener.look(index);
  });
  root.addEventListener('click', (event) => {
    const index = indexOf(event.target);
    if (index !== undefined) {
      words[index]?.focus();
      listener.choose(index);
    }
  });
  root.addEventListener('keydown', (event) => {
    const index = indexOf(event.target);
    if (index === undefined) {
      return;
    }
    if (event.key === 'Enter' || event.key === ' ') {
      listener.choose(index);
      event.preventDefault();
      return;
    }
    const next = step(words, index, event.key);
    if (next !== undefined) {
      words[next]?.focus();
      event.preventDefault();
    }
  });
}

/** The word that a key selects. */
function step(words: HTMLElement[], index: number, key: string): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return Math.min(words.length - 1, index + 1);
    case 'ArrowLeft':
      return Math.max(0, index - 1);
    case 'Home':
      return 0;
    case 'End':
      return words.length - 1;
    case 'ArrowDown':
      return vertical(words, index, 1);
    case 'ArrowUp':
      return vertical(words, index, -1);
    default:
      return undefined;
  }
}

/** The nearest word in the next or the previous line. */
function vertical(words: HTMLElement[], index: number, direction: 1 | -1): number {
  const here = words[index]?.getBoundingClientRect();
  if (!here) {
    return index;
  }
  let best = index;
  let line: number | undefined;
  let nearest = Infinity;
  for (let other = index + direction; other >= 0 && other < words.length; other += direction) {
    const box = words[other]?.getBoundingClientRect();
    if (!box || (box.top - here.top) * direction < here.height / 2) {
      continue;
    }
    line ??= box.top;
    if (Math.abs(box.top - line) > here.height / 2) {
      break;
    }
    const distance = Math.abs(box.left - here.left);
    if (distance < nearest) {
      [best, nearest] = [other, distance];
    }
  }
  return best;
}
