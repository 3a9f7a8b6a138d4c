// The What if panel: the user deletes, masks or replaces words and switches heads off, and sees the results before and after.
import { useMemo, useState } from 'preact/hooks';

import { Colored, trimmed } from './colored';
import { type Answers, exported, isOf, type Near, type Salience, useAnswer, type UnitText, type WhatIf as Answer } from './data';
import { type Change, type Edit, hex, parseEdit, pathOf } from './edit';
import { num, percent } from './numbers';
import { Bar, Select, Wait } from './parts';
import { useNumbers } from './saving';
import { QUESTION, useWorld, visible } from './state';

/** The words of a unit by number. */
function wordsOf(text: UnitText): Map<number, string> {
  return new Map(text.runs.flatMap((run) => (run.word === undefined ? [] : [[run.word, run.text] as const])));
}

/** The text in place of a changed word; undefined if the word is deleted or unchanged. */
function shown(change: Change | undefined, mask: string | null): string | undefined {
  return change?.kind === 'replace' ? change.text : change?.kind === 'mask' ? (mask ?? '[MASK]') : undefined;
}

/** The text, with words that the user can choose and change. */
function Words({ text, edit, chosen, choose, change }: {
  text: UnitText;
  edit: Edit;
  chosen: number;
  choose: (word: number) => void;
  change: (word: number, change: Change | null) => void;
}) {
  const { document: doc } = useWorld();
  const [typed, type] = useState('');
  const name = wordsOf(text).get(chosen);
  const replace = (event: Event) => {
    event.preventDefault();
    if (typed.trim() !== '') {
      change(chosen, { kind: 'replace', text: typed.trim().slice(0, 100) });
    }
  };
  return (
    <section class="card" aria-label="Change the text">
      <h2>Change a word</h2>
      <p class="text" role="group" aria-label="Words that can be changed" tabIndex={0}>
        {trimmed(text.runs).map((run, at) => {
          if (run.word === undefined) {
            return <span key={at}>{run.text}</span>;
          }
          const word = run.word;
          const own = edit.words.get(word);
          const now = shown(own, doc.mask);
          return (
            <button key={at} type="button" class={`word plain${word === chosen ? ' on' : ''}${own ? ' changed' : ''}`} aria-pressed={word === chosen} onClick={() => choose(word)}>
              {own ? <del>{run.text}</del> : run.text}
              {own?.kind === 'delete' && <span class="sr">, deleted</span>}
              {now !== undefined && <><span class="sr">, now </span><ins>{now}</ins></>}
            </button>
          );
        })}
      </p>
      {name === undefined ? (
        <p class="note small">Choose a word of the text.</p>
      ) : (
        <form class="row wrap" onSubmit={replace}>
          <span><q>{name}</q></span>
          <button type="button" onClick={() => change(chosen, { kind: 'delete' })}>Delete</button>
          <button type="button" disabled={doc.mask === null} title={doc.mask === null ? 'The vocabulary of this model has no mask.' : ''} onClick={() => change(chosen, { kind: 'mask' })}>Mask</button>
          <label class="field"><span>or put</span><input type="text" class="typed" maxLength={100} value={typed} onInput={(event) => type(event.currentTarget.value)} /></label>
          <button type="submit" disabled={typed.trim() === ''}>Replace</button>
          {edit.words.has(chosen) && <button type="button" class="quiet" onClick={() => change(chosen, null)}>Put back</button>}
        </form>
      )}
    </section>
  );
}

const STACKS: Record<string, string> = { h: 'encoder', d: 'decoder', x: 'decoder, looking at the encoder' };

/** All heads as switches. */
function Switches({ edit, set }: { edit: Edit; set: (off: Set<string>) => void }) {
  const { document: doc } = useWorld();
  const [stack, setStack] = useState('h');
  const [layers, heads] = stack === 'h' || !doc.decoder ? [doc.model.layers, doc.model.heads] : [doc.decoder.layers, doc.decoder.heads];
  const flip = (names: string[], off: boolean) => {
    const next = new Set(edit.off);
    names.forEach((name) => (off ? next.add(name) : next.delete(name)));
    set(next);
  };
  const move = (event: KeyboardEvent, layer: number, head: number) => {
    const step = ({ ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] } as Record<string, [number, number]>)[event.key];
    const target = step && document.getElementById(`switch-${layer + step[0]}-${head + step[1]}`);
    if (target) {
      event.preventDefault();
      target.focus();
    }
  };
  return (
    <section class="card" aria-label="Switch heads off">
      <div class="card-head">
        <h2>Switch heads off</h2>
        {doc.decoder && <Select label="Of the" value={stack} options={Object.entries(STACKS)} onChange={setStack} />}
        {edit.off.size > 0 && <button type="button" class="quiet" onClick={() => set(new Set())}>All on</button>}
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Heads as switches">
        <div class="switches" style={{ '--heads': heads }}>
          {Array.from({ length: layers }, (_, layer) => {
            const names = Array.from({ length: heads }, (_, head) => `${stack}${layer}.${head}`);
            const all = names.every((name) => edit.off.has(name));
            return [
              <button key={layer} type="button" class="quiet layer" aria-pressed={all} aria-label={`All heads of layer ${layer} off`} onClick={() => flip(names, !all)}>{layer}</button>,
              ...names.map((name, head) => (
                <button key={name} type="button" id={`switch-${layer}-${head}`} class="switch" role="switch" aria-checked={!edit.off.has(name)} aria-label={`Layer ${layer}, head ${head}`} title={`Layer ${layer}, head ${head}`} onClick={() => flip([name], !edit.off.has(name))} onKeyDown={(event) => move(event, layer, head)} />
              )),
            ];
          })}
        </div>
      </div>
      <p class="note small">Each row is a layer. A head that is off gives 0 instead of its weighted values. Everything after it is computed again.</p>
    </section>
  );
}

const KINDS = { next: 'Next token', mask: 'Word in place of the mask', class: 'Class' };

/** A question about the text, and the answers of the head before and after the change. */
function Asking({ text, edit }: { text: UnitText; edit: Edit }) {
  const { document: doc, state, go } = useWorld();
  const [typed, type] = useState(state.question);
  const path = state.question ? `answer/${state.unit}/${state.edit}/${hex(state.question)}` : null;
  const answered = useAnswer<Answers>(path);
  const found = answered.value;
  const ask = (event: Event) => {
    event.preventDefault();
    go({ question: typed.trim() });
  };
  // The text from the first to the last word of an answer, before or after the change.
  const told = ([first, last]: [number, number], changed: boolean) => {
    const from = text.runs.findIndex((run) => run.word === first);
    const to = text.runs.findIndex((run) => run.word === last);
    const runs = text.runs.slice(from, to + 1).map((run) => {
      const change = changed && run.word !== undefined ? edit.words.get(run.word) : undefined;
      return change?.kind === 'delete' ? '' : (shown(change, doc.mask) ?? run.text);
    });
    return runs.join('').trim();
  };
  const sides = [['before', found?.before, false], ['after', found?.after, true]] as const;
  return (
    <>
      <form class="row wrap" onSubmit={ask}>
        <label class="field"><span>Ask the text</span><input type="text" class="typed question" maxLength={QUESTION} placeholder="Who sold the boats?" value={typed} onInput={(event) => type(event.currentTarget.value)} /></label>
        <button type="submit" disabled={typed.trim() === '' || typed.trim() === state.question}>Ask</button>
      </form>
      {path && (found ? (
        <dl class="spots">
          {sides.map(([name, spot, changed]) => (
            <div key={name} data-spot={name}>
              <dt>{name}</dt>
              <dd>{!spot ? 'no text is left to answer from' : <><q>{told(spot.words, changed)}</q> <span class="num">{percent(spot.probability)}</span>{spot.none && <span class="note small">: the head finds it likelier that the text has no answer</span>}</>}</dd>
            </div>
          ))}
        </dl>
      ) : <Wait of={[answered]} what="the answer" />)}
    </>
  );
}

/** The outputs of the head of the model, before and after the change. */
function Outputs({ answer, text, edit }: { answer: Answer; text: UnitText; edit: Edit }) {
  const { document: doc } = useWorld();
  if (doc.head === 'span') {
    return <Asking text={text} edit={edit} />;
  }
  if (!answer.outputs) {
    return (
      <p class="note small">
        {doc.head === 'mask' ? 'Mask a word to see which words the model would put there.' : 'This model gives only a vector. It predicts neither a class nor a next token.'}
      </p>
    );
  }
  const most = Math.max(...answer.outputs.rows.flatMap((row) => [row.before, row.after]));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={KINDS[answer.outputs.kind]}>
      <table class="terms wide" data-sum="outputs">
        <caption>{KINDS[answer.outputs.kind]}, by probability</caption>
        <thead><tr><th scope="col">{answer.outputs.kind === 'class' ? 'class' : 'token'}</th><th scope="col">before</th><th scope="col">after</th><th scope="col"><span class="sr">as bars</span></th></tr></thead>
        <tbody>
          {answer.outputs.rows.map((row, at) => (
            <tr key={at}>
              <th scope="row">{visible(row.name)}</th>
              <td>{percent(row.before)}</td>
              <td><b>{percent(row.after)}</b></td>
              <td class="bar-cell"><Bar value={row.before} most={most} both={false} /><Bar value={row.after} most={most} both={false} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The nearest items of the file, before and after the change. */
function Neighbors() {
  const { state } = useWorld();
  const path = `near/${state.unit}/${state.edit}`;
  const answered = useAnswer<Near>(path);
  const near = answered.value?.neighbors ?? [];
  if (near.length === 0) {
    return null;
  }
  return (
    <section class="card" aria-label="Neighbors">
      <h2>Nearest items of the file</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Cosines with other items before and after">
        <table class="terms wide" data-sum="near">
          <caption>Cosine of the unit with functions, types and sections outside it</caption>
          <thead><tr><th scope="col">item</th><th scope="col">before</th><th scope="col">after</th><th scope="col">change</th></tr></thead>
          <tbody>{near.map((own, at) => <tr key={at}><th scope="row">{own.name}</th><td>{num(own.before)}</td><td><b>{num(own.after)}</b></td><td>{num(own.after - own.before, 3)}</td></tr>)}</tbody>
        </table>
      </div>
    </section>
  );
}

function Result({ answer, before, text, edit }: { answer: Answer; before: number[]; text: UnitText; edit: Edit }) {
  const { document: doc } = useWorld();
  const names = wordsOf(text);
  const after = answer.salience.words;
  const rows = before.map((_, word) => word).sort((a, b) => Math.abs((after[b] ?? 0) - (before[b] ?? 0)) - Math.abs((after[a] ?? 0) - (before[a] ?? 0)));
  const most = Math.max(1e-9, ...before.map(Math.abs), ...after.map(Math.abs));
  const mostChange = Math.max(1e-9, ...rows.map((word) => Math.abs((after[word] ?? 0) - (before[word] ?? 0))));
  const changedRuns = text.runs.map((run) => {
    const change = run.word === undefined ? undefined : edit.words.get(run.word);
    return change?.kind === 'delete' ? { text: '' } : { text: shown(change, doc.mask) ?? run.text, word: run.word };
  });
  return (
    <>
      <section class="card" aria-label="What changes">
        <div class="card-head">
          <h2>What changes</h2>
          <span class="note small num" data-ms>{num(answer.ms, 3)} ms</span>
        </div>
        <p class="figure"><b class="num" data-cosine>{answer.cosine.toFixed(4)}</b> <span>cosine of the embedding with the original{answer.cosine > 0.99999 ? ': nothing changes' : ''}</span></p>
        <p class="note small">Its length was <span class="num">{num(answer.lengths[0])}</span> and is <span class="num">{num(answer.lengths[1])}</span>. A cosine of 1 means the same direction.</p>
        <Outputs answer={answer} text={text} edit={edit} />
      </section>
      <div class="two">
        <section class="card" aria-label="Salience before">
          <h2>Salience before</h2>
          <Colored runs={text.runs} values={before} most={most} label="Text colored by salience before" title={(run, value) => `${run.text}: ${percent(value, 2)}`} />
        </section>
        <section class="card" aria-label="Salience after">
          <h2>Salience after</h2>
          <Colored runs={changedRuns} values={after} most={most} label="Text colored by salience after" title={(run, value) => `${run.text}: ${percent(value, 2)}`} />
        </section>
      </div>
      <Neighbors />
      <section class="card" aria-label="Words that change most">
        <h2>Words whose share changes most</h2>
        <div class="scroll" tabIndex={0} role="region" aria-label="Shares of words before and after">
          <table class="terms wide" data-sum="whatif">
            <caption>Share of the embedding by decomposition. After the change, words, special tokens and biases sum to <span class="num">{num(after.reduce((a, b) => a + b, 0) + answer.salience.special + answer.salience.bias, 6)}</span></caption>
            <thead><tr><th scope="col">word</th><th scope="col">before</th><th scope="col">after</th><th scope="col">change</th><th scope="col"><span class="sr">as a bar</span></th></tr></thead>
            <tbody>
              {rows.slice(0, 30).map((word) => {
                const change = (after[word] ?? 0) - (before[word] ?? 0);
                return (
                  <tr key={word}>
                    <th scope="row">{names.get(word)}</th>
                    <td>{percent(before[word] ?? 0)}</td>
                    <td>{edit.words.get(word)?.kind === 'delete' ? '–' : percent(after[word] ?? 0)}</td>
                    <td>{percent(change)}</td>
                    <td class="bar-cell"><Bar value={change} most={mostChange} /></td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </section>
    </>
  );
}

export function WhatIf() {
  const { text, state, go } = useWorld();
  const [chosen, choose] = useState(-1);
  const edit = useMemo(() => parseEdit(state.edit), [state.edit]);
  const ready = text?.unit === state.unit ? text : undefined;
  const path = ready && !exported ? `whatif/${state.unit}/${state.edit}` : null;
  const answered = useAnswer<Answer>(path);
  const before = useAnswer<Salience>(`salience/${state.unit}`);
  const scores = isOf(before, `salience/${state.unit}`) ? before.value.methods.find((own) => own.name === 'decomposition') : undefined;
  // The previous answer stays until the next one arrives, so that the page does not jump.
  const answer = answered.value && answered.value.words === ready?.words ? answered.value : undefined;
  useNumbers(answer && scores && ready && !answer.empty ? {
    name: 'what-if',
    rows: () => [['word', 'before', 'after'], ...scores.words.map((share, word) => [wordsOf(ready).get(word) ?? '', share, answer.salience?.words[word] ?? null])],
    json: () => ({ edit: state.edit, before: scores, after: answer }),
  } : undefined);
  if (exported) {
    return <p class="note">This file contains no model, so it cannot compute changes. Run <code>fovea view</code> on the document to change its words.</p>;
  }
  if (!ready) {
    return <Wait of={[]} what="the unit" />;
  }
  if (ready.words === 0) {
    return <p class="note">This unit has no words to change.</p>;
  }
  const set = (next: Edit) => go({ edit: pathOf(next) });
  const change = (word: number, own: Change | null) => {
    const words = new Map(edit.words);
    own ? words.set(word, own) : words.delete(word);
    set({ ...edit, words });
  };
  return (
    <div class="whatif stacked" data-edit={answered.path === path && (answered.value || answered.error) ? state.edit : undefined}>
      <div class="two">
        <Words text={ready} edit={edit} chosen={chosen} choose={choose} change={change} />
        <Switches edit={edit} set={(off) => set({ ...edit, off })} />
      </div>
      {state.edit !== '-' && (
        <p class="row wrap">
          <span class="note">{edit.words.size} {edit.words.size === 1 ? 'word' : 'words'} changed, {edit.off.size} {edit.off.size === 1 ? 'head' : 'heads'} off.</span>
          <button type="button" class="quiet" onClick={() => go({ edit: '-' })}>Undo everything</button>
        </p>
      )}
      {answered.error && answered.path === path ? <Wait of={[answered]} what="the change" /> : answer?.empty ? (
        <p class="note">Nothing is left of the unit. Put a word back.</p>
      ) : answer && scores ? <Result answer={answer} before={scores.words} text={ready} edit={edit} /> : <Wait of={[answered, before]} what="the change" />}
    </div>
  );
}
