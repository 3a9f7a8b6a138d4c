// The numbers of one pair: query, key, value, and each term of the score.
import { floats, type Head, isOf, useAnswer } from './data';
import type { Sides } from './maps';
import { dot, largest, num, percent } from './numbers';
import { Bar, Formula, More, Strip, Terms, Wait } from './parts';
import { nameOf, useSetting } from './state';

/** The selected pair of tokens. */
export interface Chosen {
  unit: number;
  layer: number;
  head: number;
  token: number;
  source: number;
  sides: Sides;
}

export function Pair({ unit, layer, head: number, token, source, sides: { from: text, to, part: stack } }: Chosen) {
  const { go } = useSetting();
  const path = `head/${unit}${stack}/${layer}/${number}`;
  const answered = useAnswer<Head>(path);
  if (!isOf(answered, path)) {
    return <Wait of={[answered]} what="queries and keys" />;
  }
  const head = answered.value;
  const part = (base64: string, row: number) => floats(base64).slice(row * head.dim, (row + 1) * head.dim);
  const [q, k, v] = [part(head.q, token), part(head.k, source), part(head.v, source)];
  const terms = q.map((x, at) => x * (k[at] as number));
  const product = dot(q, k);
  const score = floats(head.scores)[token * head.m + source] ?? 0;
  const share = floats(head.probabilities)[token * head.m + source] ?? 0;
  const [first, end] = head.seen[token] ?? [0, head.m];
  const seen = source >= first && source < end;
  const ordered = largest(terms, head.dim);
  const most = Math.abs(terms[ordered[0] ?? 0] ?? 0);
  const [from, target] = [nameOf(text, token), nameOf(to, source)];
  return (
    <section class="card pair" aria-label="The chosen pair">
      <div class="card-head">
        <h2>Why <q>{from}</q> looks at <q>{target}</q></h2>
        <button type="button" class="quiet" onClick={() => go({ panel: 'steps' })}>Follow {from} step by step</button>
      </div>
      <Formula>
        q·k = <b class="num">{num(product)}</b>, times the scale {num(head.scale)} = <b class="num">{num(product * head.scale)}</b>
        {head.soft_cap !== null && <>, capped at {head.soft_cap} = <b class="num">{num(score)}</b></>}
        {head.positions && <>, plus the bias of the distance = <b class="num">{num(score)}</b></>}
        {seen ? <>; softmax over {end - first} tokens = <b class="num">{percent(share, 2)}</b></> : <>; the mask hides this token: <b class="num">0 %</b></>}
      </Formula>
      <div class="two">
        <div>
          <Strip values={q} label={`query of ${from}`} height={16} />
          <Strip values={k} label={`key of ${target}`} height={16} />
          <Strip values={terms} label="product, number by number" height={16} />
          <Strip values={v} label={`value of ${target}: what it gives`} height={16} />
        </div>
        <div>
          <p class="note small">The numbers that matter most for this score:</p>
          <ol class="bars">
            {ordered.slice(0, 6).map((at) => (
              <li key={at}>
                <span class="num">q[{at}]·k[{at}]</span>
                <Bar value={terms[at] as number} most={most} />
                <span class="num right">{num(terms[at] as number, 3)}</span>
              </li>
            ))}
          </ol>
        </div>
      </div>
      <More title={`All ${head.dim} terms of q·k`}>
        {() => (
          <Terms
            id="pair"
            caption={`Query of ${from} times key of ${target}`}
            columns={['number', 'q', 'k', 'q × k']}
            rows={Array.from(q, (x, at) => [String(at), x, k[at] as number, terms[at] as number])}
            total={[['sum', product]]}
          />
        )}
      </More>
    </section>
  );
}
