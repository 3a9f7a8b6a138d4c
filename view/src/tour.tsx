// A tour that explains attention in two minutes, with the numbers of the document itself.
import { useEffect, useRef, useState } from 'preact/hooks';

import { floats, type Head, isOf, useAnswer } from './data';
import { largest, percent } from './numbers';
import { lookingToken, nameOf, type State, useWorld } from './state';
import { type Tongue, words } from './tour-text';

/** The language that the user chose last; at first, the language of the browser. */
let spoken: Tongue = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';

export function Tour({ onEnd }: { onEnd: () => void }) {
  const { text, state, go, document: doc } = useWorld();
  const [at, set] = useState(0);
  const [tongue, speak] = useState(spoken);
  const box = useRef<HTMLElement>(null);
  const { current: layer } = useRef(state.layer);
  const path = `head/${state.unit}/${state.layer}/${state.head}`;
  const answered = useAnswer<Head>(path);
  const token = text ? lookingToken(text, state) : 0;
  const head = isOf(answered, path) ? answered.value : undefined;
  const row = head ? floats(head.probabilities).slice(token * head.m, (token + 1) * head.m) : undefined;
  const most = row ? (largest(row, 1)[0] as number) : 0;
  const found = text && row ? { name: nameOf(text, token), most: nameOf(text, most), share: percent(row[most] as number, 0) } : null;
  const said = words(tongue, { tokens: text?.tokens.length ?? 0, hidden: doc.model.hidden, heads: doc.model.heads, layers: doc.model.layers, found });
  const shown: Partial<State>[] = [
    { panel: 'steps', layer: 0, look: '' },
    { panel: 'attention', layer, look: '' },
    { panel: 'attention', layer },
    { panel: 'steps', layer },
    { panel: 'attention', layer },
    { panel: 'salience' },
  ];
  const page = said.pages[at] as (typeof said.pages)[number];
  useEffect(() => {
    go(shown[at] as Partial<State>);
    box.current?.focus();
  }, [at]);
  const turn = () => {
    spoken = tongue === 'zh' ? 'en' : 'zh';
    speak(spoken);
  };
  return (
    <aside class="tour" ref={box} tabIndex={-1} lang={tongue === 'zh' ? 'zh-Hans' : 'en'} aria-label={said.title} onKeyDown={(event) => event.key === 'Escape' && onEnd()}>
      <p class="note small">{said.place(at + 1, said.pages.length)}</p>
      <h2>{page.title}</h2>
      <p>{page.text}</p>
      <div class="row">
        <button type="button" class="quiet" onClick={onEnd}>{said.close}</button>
        <button type="button" class="quiet" lang={tongue === 'zh' ? 'en' : 'zh-Hans'} onClick={turn}>{said.other}</button>
        <span class="grow" />
        <button type="button" disabled={at === 0} onClick={() => set(at - 1)}>{said.back}</button>
        {at < shown.length - 1 ? <button type="button" class="main" onClick={() => set(at + 1)}>{said.next}</button> : <button type="button" class="main" onClick={onEnd}>{said.done}</button>}
      </div>
    </aside>
  );
}
