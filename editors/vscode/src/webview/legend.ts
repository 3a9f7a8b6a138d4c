/** The meaning of the colors. */
import type { LegendView, Request } from '../panel/messages';
import { element } from './elements';

type Row = [sample: HTMLElement, title: string, text: string];

export function showLegend(root: HTMLElement, view: LegendView, send: (request: Request) => void): void {
  const word = (text: string, className: string) => element('code', { class: className }, text);
  const tones = element('span', {}, word('load', 'tone1'), ' ', word('cookie', 'tone2'), ' ', word('sign', 'tone3'));
  const rows: Row[] = [
    [tones, 'Violet background: a telling word', 'The stronger the violet, the more this word tells the model about its function or paragraph. Words without color tell little.'],
    [word('secret', 'box3'), 'Violet box: a related word', 'The model reads the word under the cursor together with the words in boxes. Dotted boxes count least.'],
    [word('unknown', 'unread'), 'Dashed line: unreadable text', 'The model does not know these characters, so Fovea says nothing about them.'],
    [element('span', { class: 'quiet' }, '≈ 0.83'), 'A line above a function', 'It names the most similar function. 1 means the same meaning. Click it to see that function, or “compare” to see what both share.'],
  ];
  const list = rows.map(([sample, title, text]) =>
    element('li', {}, element('div', { class: 'sample' }, sample), element('div', {}, element('h2', {}, title), element('p', {}, text))),
  );
  const button = (text: string, command: 'fovea.setHeat' | 'fovea.openWalkthrough') => {
    const made = element('button', { type: 'button' }, text);
    made.addEventListener('click', () => send({ kind: 'run', command }));
    return made;
  };
  const now = { quiet: 'Only the most telling words are colored now.', full: 'All words that tell something are colored now.', off: 'Colors are off now.' }[view.preset] ?? '';
  root.append(
    element('h1', {}, 'What do the colors mean?'),
    element('ul', { class: 'meanings' }, ...list),
    element('p', { class: 'quiet' }, `${now} Fovea never changes what your language server marks.`),
    element('p', { class: 'buttons' }, button('Color more or fewer words…', 'fovea.setHeat'), button('Open the walkthrough', 'fovea.openWalkthrough')),
  );
}
