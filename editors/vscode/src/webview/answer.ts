/** An answer that a model wrote: its sentences, and under each the passages that it draws on. */
import type { AnswerView, Request, ViewSentence } from '../panel/messages';
import { element } from './elements';

export function showAnswer(root: HTMLElement, view: AnswerView, send: (request: Request) => void): void {
  const link = (part: number) => {
    const { place, name } = view.passages[part] ?? { place: '', name: '' };
    const button = element('button', { type: 'button', class: 'link', title: name }, place);
    button.addEventListener('click', () => send({ kind: 'reveal', part, word: 0 }));
    return button;
  };
  root.append(element('h1', {}, view.question));
  if (view.sentences.length === 0) {
    root.append(element('p', { class: 'sentence' }, `${view.model} wrote nothing.`));
  }
  root.append(...view.sentences.map((sentence) => sentenceOf(sentence, link)));
  const used = new Set(view.sentences.flatMap(({ sources }) => sources.map(({ passage }) => passage)));
  const unused = view.passages.map((_, part) => part).filter((part) => !used.has(part));
  if (unused.length > 0) {
    const links = unused.flatMap((part, index) => (index === 0 ? [link(part)] : [', ', link(part)]));
    root.append(element('p', { class: 'quiet' }, 'Read and not used: ', ...links));
  }
  if (view.cut) {
    root.append(element('p', { class: 'warning' }, 'The answer reached its maximum length: its last sentence may be incomplete.'));
  }
  root.append(element('p', { class: 'quiet' }, `${view.model} wrote this. Check it: a sentence that draws on a passage may still be wrong.`));
}

function sentenceOf(sentence: ViewSentence, link: (part: number) => HTMLElement): HTMLElement {
  const sources = sentence.sources.map(({ passage, times }) =>
    element('li', {}, link(passage), element('span', { class: 'quiet' }, ` ${times} less likely without it`)),
  );
  const support =
    sources.length > 0
      ? element('ul', { class: 'sources' }, ...sources)
      : element('p', { class: 'quiet' }, `From no single passage; without all of them ${sentence.withoutAll}.`);
  return element('section', { class: 'written' }, element('p', { class: 'sentence' }, sentence.text), support);
}
