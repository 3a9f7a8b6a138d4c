// Salience: which words carry the embedding, by any method; two side by side, and their difference.
import { useState } from 'preact/hooks';

import { isOf, type Salience as Answer, type Scores, type UnitText, useAnswer } from './data';
import { css, diverging, inkOn, num, percent } from './numbers';
import { Bar, Save, Select, Wait, save } from './parts';
import { useWorld } from './state';

const ABOUT: Record<string, string> = {
  decomposition: 'Share of the embedding that came in through each word, with attention and gates held. Words, special tokens and biases sum to 1.',
  alti: 'How much nearer each word brings the result, layer by layer (ALTI, Ferrando et al. 2022).',
  attention: 'Attention received, mean over layers and heads. What was mixed, not why.',
  rollout: 'Attention with the residual, multiplied through the layers (Abnar & Zuidema 2020).',
  norm: 'Length of what each word adds, with residual and norm (Kobayashi et al. 2021), multiplied through the layers.',
};

function Colored({ text, values, most, label, unit }: { text: UnitText; values: number[]; most: number; label: string; unit: string }) {
  const { theme } = useWorld();
  return (
    <p class="text" aria-label={label} role="group">
      {text.runs.map((run, at) => {
        if (run.word === undefined) {
          return <span key={at}>{run.text}</span>;
        }
        const value = values[run.word] ?? 0;
        const color = diverging(theme, Math.sign(value) * Math.sqrt(Math.min(1, Math.abs(value) / most)));
        return (
          <mark key={at} style={{ background: css(color), color: inkOn(color) }} title={`${run.text}: ${percent(value, 2)} ${unit}`}>
            {run.text}
          </mark>
        );
      })}
    </p>
  );
}

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
        <span>Words together <b class="num">{num(words, 5)}</b>, special tokens <b class="num">{num(scores.special, 5)}</b>. This method splits nothing exactly, so it has no residual.</span>
      )}
    </p>
  );
}

export function Salience() {
  const { text, state } = useWorld();
  const path = `salience/${state.unit}`;
  const answered = useAnswer<Answer>(path);
  const [names, setNames] = useState<[string, string]>(['decomposition', 'attention']);
  const [order, setOrder] = useState<'text' | 'a' | 'b' | 'difference'>('a');
  if (!isOf(answered, path) || !text || text.unit !== state.unit) {
    return <Wait of={[answered]} what="salience by every method" />;
  }
  const { methods } = answered.value;
  const find = (name: string) => methods.find((method) => method.name === name) ?? (methods[0] as Scores);
  const [a, b] = [find(names[0]), find(names[1])];
  const options = methods.map((method): [string, string] => [method.name, method.name]);
  const difference = a.words.map((v, at) => v - (b.words[at] ?? 0));
  const most = (values: number[]) => Math.max(1e-9, ...values.map(Math.abs));
  const names_of = new Map(text.runs.flatMap((run) => (run.word === undefined ? [] : [[run.word, run.text] as const])));
  const rows = a.words.map((_, at) => at);
  const by = { text: null, a: a.words, b: b.words, difference: difference.map(Math.abs) }[order];
  if (by) {
    rows.sort((x, y) => (by[y] as number) - (by[x] as number));
  }
  const [mostA, mostB, mostD] = [most(a.words), most(b.words), most(difference)];
  const csv = () =>
    save('salience.csv', 'text/csv', [
      `word,${methods.map((method) => method.name).join(',')}`,
      ...a.words.map((_, at) => [`"${(names_of.get(at) ?? '').replace(/"/g, '""')}"`, ...methods.map((method) => method.words[at]?.toFixed(6))].join(',')),
    ].join('\n'));
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
              <span class="note small num">{num(scores.ms, 3)} ms</span>
            </div>
            <Colored text={text} values={scores.words} most={most(scores.words)} label={`Text colored by ${scores.name}`} unit={`by ${scores.name}`} />
            <About scores={scores} />
          </section>
        ))}
      </div>
      <section class="card" aria-label="Difference">
        <h2>Difference: <span class="above-text">more by {a.name}</span>, <span class="below-text">more by {b.name}</span></h2>
        <Colored text={text} values={difference} most={mostD} label="Text colored by the difference of both methods" unit="difference" />
      </section>
      <section class="card" aria-label="Words">
        <div class="card-head">
          <h2>{text.words} words</h2>
          <div class="row">
            <Select label="Order" value={order} options={[['a', `by ${a.name}`], ['b', `by ${b.name}`], ['difference', 'by difference'], ['text', 'as in the text']]} onChange={setOrder} />
            <Save title="CSV" onSave={csv} />
          </div>
        </div>
        <div class="scroll tall" tabIndex={0} role="region" aria-label="Scores of the words">
          <table class="words">
            <thead>
              <tr><th scope="col">word</th><th scope="col" colSpan={2}>{a.name}</th><th scope="col" colSpan={2}>{b.name}</th><th scope="col" colSpan={2}>difference</th></tr>
            </thead>
            <tbody>
              {rows.map((at) => (
                <tr key={at}>
                  <th scope="row">{names_of.get(at)}</th>
                  <td>{percent(a.words[at] as number)}</td><td class="bar-cell"><Bar value={a.words[at] as number} most={mostA} both={a.words.some((v) => v < -1e-6)} /></td>
                  <td>{percent(b.words[at] as number)}</td><td class="bar-cell"><Bar value={b.words[at] as number} most={mostB} both={b.words.some((v) => v < -1e-6)} /></td>
                  <td>{percent(difference[at] as number)}</td><td class="bar-cell"><Bar value={difference[at] as number} most={mostD} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </div>
  );
}
