// The steps panel: one token through one layer. Each operation has its numbers, so that a reader can compute it again.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { floats, type Head, isOf, type Normed, type Pool, type Row, type Step, type Steps as Answer, type UnitText, useAnswer } from './data';
import { shapeOf, writtenOf } from './maps';
import { dot, largest, num, percent, sum } from './numbers';
import { Bar, Formula, More, Select, Strip, Terms, Wait } from './parts';
import { useNumbers } from './saving';
import { lookingToken, nameOf, pieceOf, useWorld } from './state';

/** The data that the cards share. */
interface Case {
  answer: Answer;
  /** The text of the token, and the text that it attends to. */
  from: UnitText;
  to: UnitText;
  /** Whether the token attends to the text of the encoder. */
  cross?: boolean;
  layer: number;
  head: Head | undefined;
  token: number;
  name: string;
  coordinate: number;
  hidden: number;
  value: (id: number) => Float32Array;
  step: (id: number) => Step | undefined;
  follow: (coordinate: number) => void;
}

function Card({ number, title, what, children }: { number: number; title: string; what: ComponentChildren; children?: ComponentChildren }) {
  return (
    <li class="step card" data-step={title}>
      <span class="step-number" aria-hidden="true">{number}</span>
      <h2>{title}</h2>
      <p class="what">{what}</p>
      {children}
    </li>
  );
}

/** y[c] = Σ x·W + b, term by term. */
function Product({ node, output, x, made, name, id }: { node: number; output: number; x: Float32Array; made: number; name: string; id: string }) {
  const { state } = useWorld();
  const path = `row/${state.unit}/${node}/${output}`;
  const answered = useAnswer<Row>(path);
  if (!isOf(answered, path)) {
    return <Wait of={[answered]} what="the weights" />;
  }
  const weights = floats(answered.value.weights);
  const { bias, has_bias } = answered.value;
  return (
    <Terms
      id={id}
      caption={`${name} = Σ x·w${has_bias ? ' + b' : ''}, ${weights.length} terms`}
      columns={['i', 'x', 'w', 'x × w']}
      rows={Array.from(weights, (weight, at) => [String(at), x[at] as number, weight, (x[at] as number) * weight])}
      total={[...(has_bias ? [['bias b', bias] as [string, number]] : []), ['sum', dot(x, weights) + bias]]}
      made={made}
    />
  );
}

function NormSum({ x, mean, inverse, epsilon, scale, shift, y, rms }: {
  x: number; mean: number; inverse: number; epsilon: number; scale: number; shift: number | null; y: number; rms: boolean;
}) {
  return (
    <p class="sum" data-sum="norm">
      {rms ? (
        <>x / deviation × γ = <N of={x} /> / <N of={1 / inverse} /> × <N of={scale} /></>
      ) : (
        <>(x − mean) / deviation × γ{shift !== null && ' + β'} = (<N of={x} /> − <N of={mean} />) / <N of={1 / inverse} /> × <N of={scale} /></>
      )}
      {shift !== null && <> + <N of={shift} /></>} = <b><N of={y} bare /></b>
      <span class="note small"> The deviation includes ε = {epsilon} under the root.</span>
    </p>
  );
}

/** A number in a sum, in brackets if it is negative. */
function N({ of, bare = false }: { of: number; bare?: boolean }) {
  return <span class="num n">{of < 0 && !bare ? `(${num(of, 5)})` : num(of, 5)}</span>;
}

function Embedding({ of: { answer, coordinate, name, value }, number }: { of: Case; number: number }) {
  const { embedding, input } = answer;
  if (!embedding) {
    return (
      <Card number={number} title="Input" what={<>The row of {name} after layer {answer.layer - 1}.</>}>
        <Strip values={floats(input.value)} label="x, the stream" chosen={coordinate} />
      </Card>
    );
  }
  const parts = embedding.parts.map((part) => ({ name: part.name, row: floats(part.value) }));
  const at = embedding.projected ? 0 : coordinate;
  const whole = floats(embedding.sum)[at] as number;
  const norm: Normed | null = embedding.norm;
  const said: Record<string, string> = { token: `the row of ${name} in the table of tokens`, position: 'the row of its position', type: 'the row of its token type' };
  return (
    <Card
      number={number}
      title="Embedding"
      what={<>{name} becomes a row of numbers: {parts.map((part) => said[part.name] ?? part.name).join(', plus ')}.{norm && ' A norm brings the row to a common size.'}</>}
    >
      <Formula>x = {parts.map((part) => part.name).join(' + ')}{norm ? ', normalized' : ''}</Formula>
      {parts.map((part) => <Strip key={part.name} values={part.row} label={part.name} chosen={at} height={14} />)}
      <p class="sum" data-sum="embedding">
        [{at}]: {parts.map((part, index) => <>{index > 0 && ' + '}<N of={part.row[at] as number} /></>)} = <b><N of={whole} bare /></b>
      </p>
      {norm && (
        <NormSum
          x={whole}
          mean={norm.mean}
          inverse={norm.inverse}
          epsilon={norm.epsilon}
          scale={floats(norm.scale)[at] as number}
          shift={norm.shift === null ? null : (floats(norm.shift)[at] as number)}
          y={floats(embedding.normed)[at] as number}
          rms={false}
        />
      )}
      <Strip values={value(input.id)} label="x, the stream" chosen={coordinate} />
    </Card>
  );
}

function QueryKeyValue({ of: { answer, head, token, name, value, cross }, query, number }: { of: Case; query: Step | undefined; number: number }) {
  const { state } = useWorld();
  if (!head) {
    return <Card number={number} title="Query, key, value" what="Three matrices turn the row into a query, a key and a value." />;
  }
  const part = (base64: string, row: number) => floats(base64).slice(row * head.dim, (row + 1) * head.dim);
  const q = part(head.q, token);
  const made = head.made_q ? part(head.made_q, token) : q;
  const x = query ? value(query.inputs[0] as number) : floats(answer.input.value);
  const first = largest(made, 1)[0] ?? 0;
  return (
    <Card
      number={number}
      title="Query, key, value"
      what={<>Head {state.head} has three matrices. They turn the row of {name} into a <b>query</b> (what it looks for), a <b>key</b> (how others find it) and a <b>value</b> (what it gives them), of {head.dim} numbers each.</>}
    >
      <Formula>q = x·W<sub>Q</sub>{query?.biased && <> + b<sub>Q</sub></>}{head.placed && ', then normalized or rotated by its position'}, and k and v in the same way</Formula>
      <Strip values={q} label={`q of ${name}`} chosen={first} height={16} />
      {cross ? <p class="note small">Here, keys and values come from the text of the encoder, so {name} has only a query.</p> : (
        <>
          <Strip values={part(head.k, token)} label={`k of ${name}`} height={16} />
          <Strip values={part(head.v, token)} label={`v of ${name}`} height={16} />
        </>
      )}
      {query && (
        <More title={`How q[${first}] is computed: all ${x.length} terms`}>
          {() => <Product id="query" node={query.id} output={state.head * head.dim + first} x={x} made={made[first] as number} name={`q[${first}]`} />}
        </More>
      )}
    </Card>
  );
}

function Softmax({ of: { head, token, name, to: text, cross }, number }: { of: Case; number: number }) {
  const { state, go } = useWorld();
  const [all, setAll] = useState(false);
  if (!head) {
    return <Card number={number} title="Attention" what="Computing the scores …" />;
  }
  const [first, end] = head.seen[token] ?? [0, head.m];
  const row = floats(head.scores).slice(token * head.m, (token + 1) * head.m);
  const probabilities = floats(head.probabilities).slice(token * head.m, (token + 1) * head.m);
  const q = floats(head.q).slice(token * head.dim, (token + 1) * head.dim);
  const key = (j: number) => floats(head.k).subarray(j * head.dim, (j + 1) * head.dim);
  const value = (j: number) => floats(head.v).subarray(j * head.dim, (j + 1) * head.dim);
  const most = Math.max(...row.slice(first, end));
  const places = Array.from({ length: end - first }, (_, at) => first + at);
  const exponents = new Map(places.map((j) => [j, Math.exp((row[j] as number) - most)]));
  const whole = sum([...exponents.values()]);
  const order = largest(probabilities, head.m).filter((j) => j >= first && j < end);
  const shown = all || places.length <= 14 ? places : order.slice(0, 10).sort((a, b) => a - b);
  const rest = places.length - shown.length;
  const out = new Float32Array(head.dim);
  places.forEach((j) => value(j).forEach((v, at) => (out[at]! += (probabilities[j] as number) * v)));
  const column = largest(out, 1)[0] ?? 0;
  const restOf = (of: (j: number) => number) => sum(places.filter((j) => !shown.includes(j)).map(of));
  const strongest = Math.max(...probabilities);
  const masked = head.m - places.length;
  const extra = head.positions || head.soft_cap !== null;
  return (
    <>
      <Card
        number={number}
        title="Scores and softmax"
        what={<>The query of {name} is multiplied by the key of every token{cross && ' of the encoder'}. A larger product means a better match. Softmax turns the scores into shares that sum to 1.</>}
      >
        <Formula>
          score<sub>j</sub> = q·k<sub>j</sub> × {num(head.scale)}{head.soft_cap !== null && `, capped at ${head.soft_cap}`}{head.positions && ' + the bias of the distance'}, &nbsp; p<sub>j</sub> = e<sup>score<sub>j</sub> − max</sup> / Σ e<sup>score − max</sup>
        </Formula>
        <p class="note small">
          Mask: {head.mask}. {masked > 0 ? `${masked} tokens are hidden from ${name}.` : 'Nothing is hidden.'} The largest score is {num(most, 5)}.
        </p>
        <div class="scroll" tabIndex={0} role="region" aria-label={cross ? 'Scores and shares of each token of the encoder' : 'Scores and shares of each token'}>
          <table class="terms wide" data-sum="softmax">
            <caption>What {name} looks at in layer {state.layer}, head {state.head}</caption>
            <thead>
              <tr>
                <th scope="col">token</th><th scope="col">q·k</th>{extra && <th scope="col">q·k × scale</th>}<th scope="col">score</th><th scope="col">e^(score − max)</th><th scope="col">p</th><th scope="col"><span class="sr">share as a bar</span></th>
              </tr>
            </thead>
            <tbody>
              {shown.map((j) => (
                <tr key={j} data-place={j}>
                  <th scope="row">
                    <button type="button" class="link" onClick={() => go({ source: j, panel: 'attention', ...(cross ? { look: 'x' as const } : {}) })} title="Show this pair">{pieceOf(text, j)}</button>
                  </th>
                  <td>{num(dot(q, key(j)), 5)}</td>
                  {extra && <td>{num(dot(q, key(j)) * head.scale, 5)}</td>}
                  <td>{num(row[j] as number, 5)}</td>
                  <td>{num(exponents.get(j) as number, 5)}</td>
                  <td><b>{num(probabilities[j] as number, 5)}</b></td>
                  <td class="bar-cell"><Bar value={probabilities[j] as number} most={strongest} both={false} /></td>
                </tr>
              ))}
              {rest > 0 && (
                <tr>
                  <th scope="row">{rest} others</th><td />{extra && <td />}<td /><td>{num(restOf((j) => exponents.get(j) as number), 5)}</td><td>{num(restOf((j) => probabilities[j] as number), 5)}</td><td />
                </tr>
              )}
            </tbody>
            <tfoot>
              <tr><th scope="row">sum</th><td />{extra && <td />}<td /><td class="total">{num(whole, 5)}</td><td class="total">{num(sum(places.map((j) => probabilities[j] as number)), 5)}</td><td /></tr>
            </tfoot>
          </table>
        </div>
        {(rest > 0 || all) && <button type="button" class="quiet" onClick={() => setAll(!all)}>{all ? 'Show the strongest only' : `Show all ${places.length}`}</button>}
      </Card>
      <Card
        number={number + 1}
        title="Weighted values"
        what={<>{name} takes the value of each token, times its share. The sum is the result of head {state.head}.</>}
      >
        <Formula>out = Σ<sub>j</sub> p<sub>j</sub> · v<sub>j</sub></Formula>
        <div class="stack">
          {order.slice(0, 5).map((j) => (
            <Strip key={j} values={value(j)} label={`${percent(probabilities[j] as number)} of the value of ${pieceOf(text, j)}`} height={12} chosen={column} />
          ))}
        </div>
        <Strip values={out} label={`out of head ${state.head}`} chosen={column} />
        <Terms
          id="values"
          caption={`out[${column}] = Σ p·v[${column}]${cross ? ', over the tokens of the encoder' : ''}`}
          columns={['token', 'p', `v[${column}]`, 'p × v']}
          rows={[
            ...shown.map((j) => [pieceOf(text, j), probabilities[j] as number, value(j)[column] as number, (probabilities[j] as number) * (value(j)[column] as number)]),
            ...(rest > 0 ? [[`${rest} others`, '', '', restOf((j) => (probabilities[j] as number) * (value(j)[column] as number))]] : []),
          ]}
          total={[['sum', out[column] as number]]}
        />
      </Card>
    </>
  );
}

/** What each head adds to one coordinate through the output matrix. */
function Output({ of: { coordinate, value, name, head }, step, number }: { of: Case; step: Step; number: number }) {
  const { state } = useWorld();
  const path = `row/${state.unit}/${step.id}/${coordinate}`;
  const answered = useAnswer<Row>(path);
  const mixed = value(step.inputs[0] as number);
  const made = floats(step.value)[coordinate] as number;
  const ready = isOf(answered, path) && head ? answered.value : undefined;
  const weights = ready ? floats(ready.weights) : undefined;
  const dim = head?.dim ?? 1;
  const brought = weights ? Array.from({ length: mixed.length / dim }, (_, own) => dot(mixed.subarray(own * dim, (own + 1) * dim), weights.subarray(own * dim, (own + 1) * dim))) : [];
  const most = Math.max(1e-12, ...brought.map(Math.abs));
  return (
    <Card
      number={number}
      title="Output of attention"
      what={<>The results of all heads side by side are {mixed.length} numbers. The output matrix turns them into a row as wide as the stream. The bars show what each head adds to coordinate {coordinate} of {name}.</>}
    >
      <Formula>z = [out<sub>0</sub> … out<sub>{brought.length - 1 > 0 ? brought.length - 1 : 'h'}</sub>]·W<sub>O</sub>{step.biased && <> + b<sub>O</sub></>}</Formula>
      {ready && weights ? (
        <>
          <ol class="bars heads" data-sum="heads">
            {brought.map((part, own) => (
              <li key={own} class={own === state.head ? 'on' : ''}>
                <span>head {own}</span>
                <Bar value={part} most={most} />
                <span class="num right">{num(part, 5)}</span>
              </li>
            ))}
          </ol>
          <p class="sum" data-sum="output">
            heads <N of={sum(brought)} bare /> {ready.has_bias && <>+ bias <N of={ready.bias} /></>} = <b><N of={sum(brought) + ready.bias} bare /></b>
            <span class="note small"> the model’s own number: </span><N of={made} bare />
          </p>
          <More title={`All ${mixed.length} terms`}>{() => <Product id="output-terms" node={step.id} output={coordinate} x={mixed} made={made} name={`z[${coordinate}]`} />}</More>
        </>
      ) : (
        <Wait of={[answered]} what="the weights" />
      )}
      <Strip values={floats(step.value)} label="z, what attention adds" chosen={coordinate} />
    </Card>
  );
}

function Add({ of: { coordinate, value, name, answer, step: find }, step, number }: { of: Case; step: Step; number: number }) {
  // The input of the sum may be a norm, so the name comes from the operation before the norm.
  const nameOfPart = (id: number): string => {
    const found = id === answer.input.id ? undefined : find(id);
    const name = { output: 'attention', down: 'feed-forward' }[found?.role ?? ''];
    return found?.role === 'norm' ? nameOfPart(found.inputs[0] as number) : (name ?? 'x');
  };
  const parts = step.inputs.map((id) => ({
    name: nameOfPart(id),
    value: value(id)[coordinate] as number,
  }));
  const made = floats(step.value)[coordinate] as number;
  return (
    <Card
      number={number}
      title="Residual"
      what={<>The result is added to the row before, so that nothing of {name} is lost.</>}
    >
      <p class="sum" data-sum="residual">
        [{coordinate}]: {parts.map((part, index) => <>{index > 0 && ' + '}<span class="term">{part.name} </span><N of={part.value} /></>)} = <b><N of={made} bare /></b>
      </p>
      <Strip values={floats(step.value)} label="sum" chosen={coordinate} />
    </Card>
  );
}

function NormCard({ of: { coordinate, value }, step, number }: { of: Case; step: Step; number: number }) {
  const x = value(step.inputs[0] as number);
  const rms = step.kind === 'rms';
  return (
    <Card
      number={number}
      title={rms ? 'RMSNorm' : 'LayerNorm'}
      what={rms ? 'The row is divided by its size and multiplied by γ.' : 'The mean is subtracted from the row. Then the row is divided by its deviation, multiplied by γ and shifted by β.'}
    >
      <Formula>{rms ? <>y = x / √(mean(x²) + ε) · γ</> : <>y = (x − mean) / √(variance + ε) · γ + β</>}</Formula>
      <NormSum
        x={x[coordinate] as number}
        mean={step.mean ?? 0}
        inverse={step.inverse ?? 1}
        epsilon={step.epsilon ?? 0}
        scale={floats(step.scale ?? '')[coordinate] as number}
        shift={step.shift ? (floats(step.shift)[coordinate] as number) : null}
        y={floats(step.value)[coordinate] as number}
        rms={rms}
      />
      <Strip values={floats(step.value)} label="y" chosen={coordinate} />
    </Card>
  );
}

/** The feed-forward block: up, activation and down, with the neurons that change the coordinate most. */
function FeedForward({ of: { coordinate, value, step: find, name }, gate, down, number }: { of: Case; gate: Step; down: Step; number: number }) {
  const { state } = useWorld();
  const path = `row/${state.unit}/${down.id}/${coordinate}`;
  const answered = useAnswer<Row>(path);
  const up = find(gate.inputs[0] as number);
  const control = gate.inputs[1] === undefined ? undefined : find(gate.inputs[1]);
  const active = floats(gate.value);
  const made = floats(down.value)[coordinate] as number;
  const ready = isOf(answered, path) ? answered.value : undefined;
  const weights = ready ? floats(ready.weights) : undefined;
  const parts = weights ? active.map((v, at) => v * (weights[at] as number)) : undefined;
  const order = parts ? largest(parts, 8) : [];
  const neuron = order[0] ?? 0;
  const rest = parts ? sum(parts) - sum(order.map((at) => parts[at] as number)) : 0;
  const most = parts ? Math.abs(parts[neuron] as number) : 1;
  const firing = active.filter((v) => Math.abs(v) > 0.05).length;
  const before = up ? floats(up.value) : active;
  return (
    <Card
      number={number}
      title="Feed-forward"
      what={<>The row goes through {active.length} neurons. Each responds to a pattern in the row, and adds something to the row if it finds the pattern. For {name}, {firing} of them exceed 0.05.</>}
    >
      <Formula>{control ? <>m = ({gate.activation}(x·W<sub>gate</sub>) ⊙ x·W<sub>up</sub>)·W<sub>down</sub></> : <>m = {gate.activation}(x·W<sub>up</sub>{up?.biased && ' + b'})·W<sub>down</sub></>}{down.biased && ' + b'}</Formula>
      {parts && ready ? (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-label="Neurons that move the coordinate most">
            <table class="terms wide" data-sum="neurons">
              <caption>Neurons that move coordinate {coordinate} most</caption>
              <thead>
                <tr>
                  <th scope="col">neuron</th>{control && <th scope="col">gate</th>}<th scope="col">before</th><th scope="col">after {gate.activation}</th><th scope="col">weight</th><th scope="col">adds</th><th scope="col"><span class="sr">as a bar</span></th>
                </tr>
              </thead>
              <tbody>
                {order.map((at) => (
                  <tr key={at}>
                    <th scope="row">{at}</th>
                    {control && <td>{num(floats(control.value)[at] as number, 5)}</td>}
                    <td>{num(before[at] as number, 5)}</td>
                    <td>{num(active[at] as number, 5)}</td>
                    <td>{num(weights?.[at] as number, 5)}</td>
                    <td><b>{num(parts[at] as number, 5)}</b></td>
                    <td class="bar-cell"><Bar value={parts[at] as number} most={most} /></td>
                  </tr>
                ))}
                <tr><th scope="row">{active.length - order.length} others</th>{control && <td />}<td /><td /><td /><td>{num(rest, 5)}</td><td /></tr>
                {ready.has_bias && <tr><th scope="row">bias</th>{control && <td />}<td /><td /><td /><td>{num(ready.bias, 5)}</td><td /></tr>}
              </tbody>
              <tfoot>
                <tr><th scope="row">sum</th>{control && <td />}<td /><td /><td /><td class="total">{num(sum(parts) + ready.bias, 5)}</td><td /></tr>
                <tr><th scope="row">the model’s own number</th>{control && <td />}<td /><td /><td /><td class="made">{num(made, 5)}</td><td /></tr>
              </tfoot>
            </table>
          </div>
          {up && (
            <More title={`How neuron ${neuron} gets its number: all ${value(up.inputs[0] as number).length} terms`}>
              {() => <Product id="neuron" node={up.id} output={neuron} x={value(up.inputs[0] as number)} made={before[neuron] as number} name={`neuron ${neuron}`} />}
            </More>
          )}
          <More title={`All ${active.length} terms of m[${coordinate}]`}>
            {() => <Product id="down" node={down.id} output={coordinate} x={active} made={made} name={`m[${coordinate}]`} />}
          </More>
        </>
      ) : (
        <Wait of={[answered]} what="the weights" />
      )}
      <Strip values={active} label={`neurons after ${gate.activation}`} chosen={neuron} />
      <Strip values={floats(down.value)} label="m, what the block adds" chosen={coordinate} />
    </Card>
  );
}

function Pooled({ number, coordinate }: { number: number; coordinate: number }) {
  const { text, state } = useWorld();
  const path = `pool/${state.unit}/${coordinate}`;
  const answered = useAnswer<Pool>(path);
  if (!text || !isOf(answered, path)) {
    return <Card number={number} title="The embedding of the text" what="After the last layer, the rows of the tokens are combined into one."><Wait of={[answered]} what="the embedding" /></Card>;
  }
  const { column, weights, pooled, length, projected } = answered.value;
  const [values, shares] = [floats(column), floats(weights)];
  return (
    <Card
      number={number}
      title="The embedding of the text"
      what={<>After the last layer, the rows of all tokens are combined into one; each counts with its weight. {projected ? 'A further matrix follows.' : `Divided by its length, ${num(length)}, it is the vector that a search compares.`}</>}
    >
      <Terms
        id="pool"
        caption={`e[${coordinate}] = Σ weight × h[${coordinate}]`}
        columns={['token', 'weight', `h[${coordinate}]`, 'weight × h']}
        rows={Array.from(values, (v, at) => [pieceOf(text, at), shares[at] as number, v, v * (shares[at] as number)])}
        total={[['sum', dot(values, shares)]]}
        made={pooled}
      />
    </Card>
  );
}

export function Steps() {
  const { text, state, go, document: doc } = useWorld();
  const whole = text && text.unit === state.unit ? text : undefined;
  // Attention to the encoder is a part of the layers of the decoder.
  const part = doc.decoder && state.look ? '/d' : '';
  const same = whole && part ? writtenOf(whole) : whole;
  const token = same ? lookingToken(same, state) : 0;
  const path = same ? `steps/${state.unit}${part}/${state.layer}/${token}` : null;
  const answered = useAnswer<Answer>(path);
  const headPath = same ? `head/${state.unit}${part}/${state.layer}/${state.head}` : null;
  const head = useAnswer<Head>(headPath);
  const crossPath = same && part ? `head/${state.unit}/x/${state.layer}/${state.head}` : null;
  const cross = useAnswer<Head>(crossPath);
  const shape = shapeOf(doc, part ? 'd' : '');
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => list.current?.scrollTo(0, 0), [path]);
  useNumbers(isOf(answered, path) ? {
    name: `steps-${state.layer}-${token}`,
    rows: () => [['step', 'coordinate', 'value'], ...answered.value.steps.flatMap((step) => Array.from(floats(step.value), (value, at) => [step.role, at, value]))],
    json: () => ({ ...answered.value, input: [...floats(answered.value.input.value)], steps: answered.value.steps.map((step) => ({ role: step.role, op: step.op, inputs: step.inputs, value: [...floats(step.value)] })) }),
  } : undefined);
  if (!same) {
    return <Wait of={[]} what="the steps" />;
  }
  const coordinate = state.coordinate >= 0 && state.coordinate < same.hidden ? state.coordinate : same.coordinate;
  const choose = (
    <section class="card choose" aria-label="What to follow">
      {doc.decoder && <Select label="In" value={part ? 'd' : ''} options={[['', 'the encoder'], ['d', 'the decoder']]} onChange={(look) => go({ look, layer: 0, head: 0, token: -1, source: -1 })} />}
      <p class="note small" id="choose-token">Choose a token to follow:</p>
      <div class="tokens" role="group" aria-labelledby="choose-token">
        {same.tokens.map((own, at) => (
          <button key={at} type="button" class={`token${at === token ? ' looking' : ''}${own.special ? ' special' : ''}`} aria-pressed={at === token} aria-label={nameOf(same, at)} onClick={() => go({ token: at, source: -1 })}>
            {pieceOf(same, at)}
          </button>
        ))}
      </div>
      <div class="row wrap">
        <Stepper label="Layer" value={state.layer} most={shape.layers - 1} onChange={(layer) => go({ layer })} />
        <Stepper label="Head" value={state.head} most={shape.heads - 1} onChange={(own) => go({ head: own, source: -1 })} />
        <Stepper label="Coordinate" value={coordinate} most={same.hidden - 1} onChange={(own) => go({ coordinate: own })} />
      </div>
      <p class="note small">
        A row has {same.hidden} numbers. The page follows one of them, the coordinate, through every sum. By default, it is the coordinate in which the embedding of the text is largest.
      </p>
    </section>
  );
  if (!isOf(answered, path)) {
    return <div class="steps">{choose}<Wait of={[answered]} what={`layer ${state.layer}`} /></div>;
  }
  const answer = answered.value;
  const of: Case = {
    answer,
    from: same,
    to: same,
    layer: state.layer,
    head: isOf(head, headPath) ? head.value : undefined,
    token,
    name: nameOf(same, token),
    coordinate,
    hidden: same.hidden,
    value: (id) => {
      const found = id === answer.input.id ? answer.input.value : answer.steps.find((own) => own.id === id)?.value;
      return floats(found ?? '');
    },
    step: (id) => answer.steps.find((own) => own.id === id),
    follow: (own) => go({ coordinate: own }),
  };
  const cards: ComponentChildren[] = [<Embedding key="input" of={of} number={1} />];
  let [number, mixes, at] = [2, 0, of];
  for (const step of answer.steps) {
    const key = step.id;
    if (step.op === 'mix') {
      mixes++;
      // The second attention in a layer of the decoder attends to the text of the encoder.
      const own: Case = mixes > 1 && whole ? { ...of, to: whole, cross: true, head: isOf(cross, crossPath) ? cross.value : undefined } : of;
      at = own;
      cards.push(<QueryKeyValue key={`${key}q`} of={own} query={answer.steps.find((found) => found.id === step.inputs[0])} number={number} />, <Softmax key={`${key}s`} of={own} number={number + 1} />);
      number += 3;
    } else if (step.role === 'output') {
      cards.push(<Output key={key} of={at} step={step} number={number++} />);
    } else if (step.op === 'add') {
      cards.push(<Add key={key} of={of} step={step} number={number++} />);
    } else if (step.op === 'norm') {
      cards.push(<NormCard key={key} of={of} step={step} number={number++} />);
    } else if (step.role === 'down') {
      const gate = of.step(step.inputs[0] as number);
      if (gate) {
        cards.push(<FeedForward key={key} of={of} gate={gate} down={step} number={number++} />);
      }
    }
  }
  const last = state.layer === shape.layers - 1;
  const [before, after] = [of.value(answer.input.id), of.value(answer.output)];
  const cosine = dot(before, after) / Math.sqrt(dot(before, before) * dot(after, after));
  return (
    <div class="steps">
      {choose}
      {head.error && <Wait of={[head]} what="the head" />}
      <ol class="step-list" ref={list}>
        {cards}
        {last && !part && <Pooled key="pool" number={number} coordinate={coordinate} />}
      </ol>
      <section class="card">
        <h2>What layer {state.layer} did to {of.name}</h2>
        <Strip values={before} label="before" chosen={coordinate} onChoose={of.follow} />
        <Strip values={after} label="after" chosen={coordinate} onChoose={of.follow} />
        <p class="note">The cosine of the two rows is {num(cosine)}. Coordinate {coordinate} went from {num(before[coordinate] as number)} to {num(after[coordinate] as number)}. Click on a strip to follow another coordinate.</p>
        {!last && <button type="button" onClick={() => { go({ layer: state.layer + 1 }); scrollTo({ top: 0 }); }}>On to layer {state.layer + 1}</button>}
      </section>
    </div>
  );
}

function Stepper({ label, value, most, onChange }: { label: string; value: number; most: number; onChange: (value: number) => void }) {
  const to = (next: number) => onChange(Math.min(most, Math.max(0, next)));
  return (
    <div class="stepper">
      <label>
        <span>{label}</span>
        <input type="number" min={0} max={most} value={value} onChange={(event) => to(Math.round(Number(event.currentTarget.value)) || 0)} />
      </label>
      <button type="button" aria-label={`${label} before`} disabled={value <= 0} onClick={() => to(value - 1)}>‹</button>
      <button type="button" aria-label={`${label} after`} disabled={value >= most} onClick={() => to(value + 1)}>›</button>
      <span class="note small">0 to {most}</span>
    </div>
  );
}
