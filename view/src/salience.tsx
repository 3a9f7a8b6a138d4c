// The salience panel: the scores of words by two methods, side by side, and their difference.
import { useEffect, useRef, useState } from 'preact/hooks';

import { Colored } from './colored';
import { type Answered, ask, exported, isOf, type Salience as Answer, type Scores, useAnswer, type Without } from './data';
import { num, percent } from './numbers';
import { Bar, Save, Select, Wait, save } from './parts';
import { csv, useNumbers } from './saving';
import { useWorld } from './state';

const ABOUT: Record<string, string> = {
  decomposition: 'Share of the embedding that came in through each word, with attention and gates held constant. Words, special tokens and biases sum to 1.',
  alti: 'How much closer each word brings the rows to their result, layer by layer (ALTI, Ferrando et al. 2022).',
  attention: 'Attention that each word receives, averaged over layers and heads. It shows what the model mixed, not why.',
  rollout: 'Attention plus the residual connection, multiplied through the layers (Abnar & Zuidema 2020).',
  norm: 'Length of the vector that each word adds, with residual connection and norm (Kobayashi et al. 2021), multiplied through the layers.',
  gradient: 'Gradient times the difference between input and reference: the effect of a small change at each word.',
  'integrated-gradients': 'Gradient averaged on the path from the reference to the text, times their difference (Sundararajan et al. 2017).',
  'leave-one-out': 'How far the embedding turns when the word is deleted: one pass per word.',
  'value-zeroing': 'How far a token’s row turns when the values of another token are zero, multiplied through the layers (Mohebbi et al. 2023).',
  smoothgrad: 'Length of the gradient, averaged over copies of the text with noise (Smilkov et al. 2017). It has no sign.',
  lime: 'Weights of a linear model that predicts the effect of deleting random words (Ribeiro et al. 2016).',
  shap: 'Owen values: what a word adds on average over orders of the lines and of the words in them (Owen 1977).',
  globenc: 'Length of the vector that each token adds, with norms and feed-forward blocks, multiplied through the layers (Modarressi et al. 2022).',
  'attention-flow': 'The most attention that can flow from each word through the layers (Abnar & Zuidema 2020).',
};

function About({ scores }: { scores: Scores }) {
  const words = scores.words.reduce((a, b) => a + b, 0);
  return (
    <p class="note small" data-sum={`salience-${scores.name}`}>
      {ABOUT[scores.name]}{' '}
      {scores.additive ? (
        <span>
          Words <b class="num">{num(words, 5)}</b> + special tokens <b class="num">{num(scores.special, 5)}</b> + biases <b class="num">{num(scores.bias, 5)}</b> = <b class="num">{num(words + scores.special + scores.bias, 6)}</b>; the residual is <b class="num">{scores.residual.toExponential(1).replace('-', '−')}</b>.
        </span>
      ) : (
        <span>Sum of the words <b class="num">{num(words, 5)}</b>, special tokens <b class="num">{num(scores.special, 5)}</b>. This method is not an exact split, so it has no residual.</span>
      )}
    </p>
  );
}

/** Maximum count of words that are deleted one by one. */
const DELETED = 80;

/** How far the embedding turns without each word. `start` computes it. */
function useWithout(unit: number): { turned: Map<number, number>; running: boolean; start: (words: number[]) => void } {
  const [found, set] = useState<{ unit: number; turned: Map<number, number>; running: boolean }>({ unit, turned: new Map(), running: false });
  const live = useRef(unit);
  useEffect(() => {
    live.current = unit;
    return () => {
      live.current = -1;
    };
  }, [unit]);
  const start = async (words: number[]) => {
    const turned = new Map<number, number>();
    for (const word of words.slice(0, DELETED)) {
      set({ unit, turned: new Map(turned), running: true });
      const answer = await ask<Without>(`without/${unit}/${word}`).catch(() => null);
      if (live.current !== unit) {
        return;
      }
      if (answer?.turned !== null && answer?.turned !== undefined) {
        turned.set(word, answer.turned);
      }
    }
    set({ unit, turned, running: false });
  };
  return found.unit === unit ? { ...found, start } : { turned: new Map(), running: false, start };
}

/** Spearman's rank correlation; equal values share their rank. */
function correlation(a: number[], b: number[]): number {
  const ranks = (values: number[]) => {
    const order = values.map((_, at) => at).sort((x, y) => (values[x] as number) - (values[y] as number));
    const out = new Array<number>(values.length);
    for (let at = 0; at < order.length; ) {
      let end = at;
      while (end < order.length && values[order[end] as number] === values[order[at] as number]) {
        end++;
      }
      for (let own = at; own < end; own++) {
        out[order[own] as number] = (at + end - 1) / 2;
      }
      at = end;
    }
    return out;
  };
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (x.length - 1) / 2;
  const product = (p: number[], q: number[]) => p.reduce((total, v, at) => total + (v - mean) * ((q[at] as number) - mean), 0);
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y));
}

export function Salience() {
  const { text, state } = useWorld();
  const path = `salience/${state.unit}`;
  const answered = useAnswer<Answer>(path);
  const [names, setNames] = useState<[string, string]>(['decomposition', 'attention']);
  const [order, setOrder] = useState<'text' | 'a' | 'b' | 'difference'>('a');
  const without = useWithout(state.unit);
  const found = isOf(answered, path) && text?.unit === state.unit ? answered.value.methods : undefined;
  // A method that takes many passes runs only when the user chooses it.
  const slow = (name: string) => (found && !found.some((method) => method.name === name) ? `scores/${state.unit}/${name}` : null);
  const paths = [slow(names[0]), slow(names[1])] as const;
  const own = [useAnswer<Scores>(paths[0]), useAnswer<Scores>(paths[1])] as const;
  const loaded = own.flatMap((answer, side) => (answer.value && answer.path === paths[side] ? [answer.value] : []));
  const numbers = found && text ? {
    name: 'salience',
    rows: () => {
      const names = new Map(text.runs.flatMap((run) => (run.word === undefined ? [] : [[run.word, run.text] as const])));
      const all = [...found, ...loaded];
      return [['word', ...all.map((method) => method.name)], ...(found[0]?.words ?? []).map((_, at) => [names.get(at) ?? '', ...all.map((method) => method.words[at] ?? null)])];
    },
    json: () => ({ methods: [...found, ...loaded] }),
  } : undefined;
  useNumbers(numbers);
  if (!isOf(answered, path) || !text || text.unit !== state.unit) {
    return <Wait of={[answered]} what="salience by every method" />;
  }
  const { methods, all } = answered.value;
  const blank = (name: string): Scores => ({ name, additive: false, words: (methods[0] as Scores).words.map(() => 0), special: 0, bias: 0, residual: 0, ms: 0 });
  const find = (name: string) => [...methods, ...loaded].find((method) => method.name === name) ?? blank(name);
  const [a, b] = [find(names[0]), find(names[1])];
  const live = new Set(methods.map((method) => method.name));
  const options = (exported ? methods.map((method) => method.name) : all).map((name): [string, string] => [name, live.has(name) ? name : `${name} (slower)`]);
  const difference = a.words.map((v, at) => v - (b.words[at] ?? 0));
  const most = (values: number[]) => Math.max(1e-9, ...values.map(Math.abs));
  const names_of = new Map(text.runs.flatMap((run) => (run.word === undefined ? [] : [[run.word, run.text] as const])));
  const rows = a.words.map((_, at) => at);
  const by = { text: null, a: a.words, b: b.words, difference: difference.map(Math.abs) }[order];
  if (by) {
    rows.sort((x, y) => (by[y] as number) - (by[x] as number));
  }
  const [mostA, mostB, mostD] = [most(a.words), most(b.words), most(difference)];
  const checked = rows.filter((at) => without.turned.has(at));
  const mostW = most([...without.turned.values()]);
  if (text.words === 0) {
    return <p class="note">This unit has no words.</p>;
  }
  return (
    <div class="salience">
      <div class="two">
        {[a, b].map((scores, side) => (
          <section key={side} class="card" aria-label={`Salience by ${scores.name}`}>
            <div class="card-head">
              <Select label={side === 0 ? 'Method' : 'Beside it'} value={scores.name} options={options} onChange={(name) => setNames(side === 0 ? [name, names[1]] : [names[0], name])} />
              {scores.ms > 0 && <span class="note small num">{num(scores.ms, 3)} ms</span>}
            </div>
            {scores.ms === 0 ? <Wait of={[own[side] as Answered<unknown>]} what={`${scores.name}, which takes many passes,`} /> : <>
            <Colored runs={text.runs} values={scores.words} most={most(scores.words)} label={`Text colored by ${scores.name}`} title={(run, value) => `${run.text}: ${percent(value, 2)} by ${scores.name}`} />
            <About scores={scores} />
            </>}
          </section>
        ))}
      </div>
      <section class="card" aria-label="Difference">
        <h2>Difference: <span class="above-text">more by {a.name}</span>, <span class="below-text">more by {b.name}</span></h2>
        <Colored runs={text.runs} values={difference} most={mostD} label="Text colored by the difference of the two methods" title={(run, value) => `${run.text}: ${percent(value, 2)} difference`} />
      </section>
      <section class="card" aria-label="Words">
        <div class="card-head">
          <h2>{text.words} words</h2>
          <div class="row">
            <Select label="Order" value={order} options={[['a', `by ${a.name}`], ['b', `by ${b.name}`], ['difference', 'by difference'], ['text', 'as in the text']]} onChange={setOrder} />
            {!exported && (
              <button type="button" disabled={without.running} onClick={() => without.start(rows)}>
                {without.running ? `Deleting … ${without.turned.size}` : 'What if each word is deleted?'}
              </button>
            )}
            <Save title="CSV" onSave={() => save('salience.csv', 'text/csv', csv(numbers?.rows() ?? []))} />
          </div>
        </div>
        {checked.length > 2 && !without.running && (
          <p class="note small" role="note">
            The effect of deleting a word is 1 − cosine of the embeddings before and after. Rank correlation of this effect with the scores of {checked.length} words: {a.name} <b class="num">{num(correlation(checked.map((at) => a.words[at] as number), checked.map((at) => without.turned.get(at) as number)), 2)}</b>, {b.name} <b class="num">{num(correlation(checked.map((at) => b.words[at] as number), checked.map((at) => without.turned.get(at) as number)), 2)}</b>.
          </p>
        )}
        <div class="scroll tall" tabIndex={0} role="region" aria-label="Scores of the words">
          <table class="words">
            <thead>
              <tr><th scope="col">word</th><th scope="col" colSpan={2}>{a.name}</th><th scope="col" colSpan={2}>{b.name}</th><th scope="col" colSpan={2}>difference</th>{checked.length > 0 && <th scope="col" colSpan={2}>without it</th>}</tr>
            </thead>
            <tbody>
              {rows.map((at) => (
                <tr key={at}>
                  <th scope="row">{names_of.get(at)}</th>
                  <td>{percent(a.words[at] as number)}</td><td class="bar-cell"><Bar value={a.words[at] as number} most={mostA} both={a.words.some((v) => v < -1e-6)} /></td>
                  <td>{percent(b.words[at] as number)}</td><td class="bar-cell"><Bar value={b.words[at] as number} most={mostB} both={b.words.some((v) => v < -1e-6)} /></td>
                  <td>{percent(difference[at] as number)}</td><td class="bar-cell"><Bar value={difference[at] as number} most={mostD} /></td>
                  {checked.length > 0 && <td class="without">{without.turned.has(at) ? num(without.turned.get(at) as number, 3) : ''}</td>}
                  {checked.length > 0 && <td class="bar-cell"><Bar value={without.turned.get(at) ?? 0} most={mostW} both={false} /></td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </div>
  );
}
