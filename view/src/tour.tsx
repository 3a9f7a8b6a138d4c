// Attention in two minutes, for those who have never seen it; it shows each step on the document itself.
import { useEffect, useRef, useState } from 'preact/hooks';

import { floats, type Head, isOf, useAnswer } from './data';
import { largest, percent } from './numbers';
import { lookingToken, nameOf, type State, useWorld } from './state';

export function Tour({ onEnd }: { onEnd: () => void }) {
  const { text, state, go, document: doc } = useWorld();
  const [at, set] = useState(0);
  const box = useRef<HTMLElement>(null);
  const { current: layer } = useRef(state.layer);
  const path = `head/${state.unit}/${state.layer}/${state.head}`;
  const answered = useAnswer<Head>(path);
  const token = text ? lookingToken(text, state) : 0;
  const name = text ? nameOf(text, token) : '';
  const head = isOf(answered, path) ? answered.value : undefined;
  const row = head ? floats(head.probabilities).slice(token * head.m, (token + 1) * head.m) : undefined;
  const most = row ? (largest(row, 1)[0] as number) : 0;
  const found = text && row ? `Here, ${name} gives ${percent(row[most] as number, 0)} of its attention to ${nameOf(text, most)}.` : '';
  const pages: { title: string; text: string; change: Partial<State> }[] = [
    { title: 'Words become rows of numbers', text: `The model cannot read letters. It cuts the text into tokens, ${text?.tokens.length ?? 0} in this unit, and looks up a row of ${doc.model.hidden} numbers for each. At first, a word has the same row wherever it stands.`, change: { panel: 'steps', layer: 0 } },
    { title: 'Each word looks at the others', text: `The sense of a word depends on its neighbors. So each token asks a question (its query), and each token has a label (its key). Where they match, the token looks. ${found}`, change: { panel: 'attention', layer } },
    { title: 'A match becomes a share', text: 'Query and key are multiplied number by number and added up: the score. Softmax makes shares of all scores, and the shares sum to 1. The darker a square, the larger the share.', change: { panel: 'attention', layer } },
    { title: 'It takes what it looks at', text: 'Each token also has a value: what it gives to those that look. A token adds up the values by its shares, and adds the result to its own row. All sums are on this page, with the numbers of this text.', change: { panel: 'steps', layer } },
    { title: 'Many heads, many layers', text: `A layer does this ${doc.model.heads} times side by side: one head follows the neighbors, another finds the same word elsewhere. Then a small network works on each row alone. ${doc.model.layers} layers follow each other.`, change: { panel: 'attention', layer } },
    { title: 'What it comes to', text: 'After the last layer, the rows become one vector for the whole text, which a search compares. Attention tells what was mixed on the way. How much each word matters for the vector is another question: salience answers it, and says how exact the answer is.', change: { panel: 'salience' } },
  ];
  const page = pages[at] as (typeof pages)[number];
  useEffect(() => {
    go(page.change);
    box.current?.focus();
  }, [at]);
  return (
    <aside class="tour" ref={box} tabIndex={-1} aria-label="Attention in two minutes" onKeyDown={(event) => event.key === 'Escape' && onEnd()}>
      <p class="note small">Attention in two minutes · {at + 1} of {pages.length}</p>
      <h2>{page.title}</h2>
      <p>{page.text}</p>
      <div class="row">
        <button type="button" class="quiet" onClick={onEnd}>Close</button>
        <span class="grow" />
        <button type="button" disabled={at === 0} onClick={() => set(at - 1)}>Back</button>
        {at < pages.length - 1 ? <button type="button" class="main" onClick={() => set(at + 1)}>Next</button> : <button type="button" class="main" onClick={onEnd}>Done</button>}
      </div>
    </aside>
  );
}
