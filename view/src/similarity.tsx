// The similarity panel: the items of the file as a matrix and as a map, the neighbors of an item, and a pair word by word.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { Colored } from './colored';
import { exported, floats, isOf, type Items, type PairAnswer, type PairSide, useAnswer } from './data';
import { num, percent, ramp } from './numbers';
import { Bar, Select, Wait } from './parts';
import { useNumbers } from './saving';
import { useWorld } from './state';
import { FEWEST, umap } from './umap';

type Measure = 'cosine' | 'centered';

const MEASURES: Record<Measure, [string, string]> = {
  cosine: ['cosine', 'Cosine of the two embeddings, as in fovea compare.'],
  centered: ['centered', 'Cosine without what the items of this file have in common, on the scale of lenses, as in fovea similar for a folder that contains only this file.'],
};

interface Table {
  answer: Items;
  n: number;
  value: (a: number, b: number) => number;
  low: number;
  high: number;
}

function Matrix({ of, a, b, choose }: { of: Table; a: number; b: number; choose: (a: number, b: number) => void }) {
  const { theme } = useWorld();
  const canvas = useRef<HTMLCanvasElement>(null);
  const { n, value, low, high, answer } = of;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context) {
      return;
    }
    canvas.current.width = n;
    canvas.current.height = n;
    const image = context.createImageData(n, n);
    for (let at = 0; at < n * n; at++) {
      const own = value(Math.floor(at / n), at % n);
      const color = ramp(theme, Number.isNaN(own) ? 0 : (own - low) / Math.max(high - low, 1e-9));
      image.data.set([...color, 255], 4 * at);
    }
    context.putImageData(image, 0, 0);
  }, [n, value, low, high, theme]);
  const said = `${answer.items[a]?.name} and ${answer.items[b]?.name}: ${Number.isNaN(value(a, b)) ? 'not compared' : num(value(a, b))}`;
  const move = (event: KeyboardEvent) => {
    const step = ({ ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] } as Record<string, [number, number]>)[event.key];
    if (step) {
      event.preventDefault();
      const fit = (at: number) => Math.min(n - 1, Math.max(0, at));
      choose(fit(a + step[0]), fit(b + step[1]));
    }
  };
  return (
    <div class="map">
      <div
        class="map-cells"
        tabIndex={0}
        role="slider"
        aria-label="Matrix of items: arrow keys choose a pair"
        aria-valuemin={-100}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * (Number.isNaN(value(a, b)) ? 0 : value(a, b)))}
        aria-valuetext={said}
        onKeyDown={move}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const at = (v: number, size: number) => Math.min(n - 1, Math.max(0, Math.floor((v / size) * n)));
          choose(at(event.clientY - box.top, box.height), at(event.clientX - box.left, box.width));
        }}
      >
        <canvas ref={canvas} aria-hidden="true" />
        <span class="map-mark" style={{ left: `${(100 * b) / n}%`, top: `${(100 * a) / n}%`, width: `${100 / n}%`, height: `${100 / n}%` }} />
      </div>
      <p class="map-said num" data-pair>{said}</p>
    </div>
  );
}

const [WIDTH, HEIGHT, EDGE] = [520, 360, 34];

type Projection = 'pca' | 'umap';

const PROJECTIONS: [Projection, string][] = [['pca', 'two principal components'], ['umap', 'UMAP']];

/** The items as points. Items with similar vectors are near each other. */
function Landscape({ of, by, a, b, choose }: { of: Table; by: Projection; a: number; b: number; choose: (item: number) => void }) {
  const { answer, n } = of;
  const places = useMemo(() => (by === 'umap' ? umap(floats(answer.cosines), n) : floats(answer.places)), [answer, by]);
  const range = (component: number) => {
    const all = Array.from({ length: n }, (_, at) => places[2 * at + component] as number);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    return (at: number) => (high > low ? ((all[at] as number) - low) / (high - low) : 0.5);
  };
  const [x, y] = [range(0), range(1)];
  const at = (item: number): [number, number] => [EDGE + x(item) * (WIDTH - 2 * EDGE), HEIGHT - EDGE - y(item) * (HEIGHT - 2 * EDGE)];
  // A name is shown only if it covers no other name.
  const taken: [number, number, number][] = [];
  const order = [a, b, ...Array.from({ length: n }, (_, item) => item)];
  const named = new Map<number, 'start' | 'end'>();
  for (const item of order) {
    const [cx, cy] = at(item);
    const wide = 7 * Math.min(18, (answer.items[item]?.name ?? '').length) + 12;
    const side = cx + wide > WIDTH ? 'end' : 'start';
    const [left, right] = side === 'start' ? [cx, cx + wide] : [cx - wide, cx];
    if (!named.has(item) && !taken.some(([l, r, own]) => Math.abs(own - cy) < 14 && l < right && left < r)) {
      named.set(item, side);
      taken.push([left, right, cy]);
    }
  }
  const label = (name: string) => (name.length > 18 ? `${name.slice(0, 17)}…` : name);
  return (
    <svg class="chart landscape" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Map of ${n} items by ${by === 'umap' ? 'UMAP' : 'two principal components'}. The list of neighbors has the numbers.`} data-projection={by}>
      {Array.from({ length: n }, (_, item) => {
        const [cx, cy] = at(item);
        const side = named.get(item);
        return (
          <g key={item} class={item === a ? 'on' : item === b ? 'beside' : ''} onClick={() => choose(item)}>
            <title>{answer.items[item]?.name}</title>
            <circle cx={cx} cy={cy} r={item === a || item === b ? 7 : 4.5} />
            {side && <text x={cx + (side === 'start' ? 10 : -10)} y={cy + 4} text-anchor={side}>{label(answer.items[item]?.name ?? '')}</text>}
          </g>
        );
      })}
    </svg>
  );
}

/** Both texts, colored by what each word adds, and the words that correspond. */
function Pair({ a, b, names }: { a: number; b: number; names: [string, string] }) {
  const path = `pair/${a}/${b}`;
  const answered = useAnswer<PairAnswer>(path);
  const [word, setWord] = useState<{ side: 'a' | 'b'; word: number } | null>(null);
  useEffect(() => setWord(null), [path]);
  if (!isOf(answered, path)) {
    return <section class="card"><Wait of={[answered]} what="the pair" /></section>;
  }
  const answer = answered.value;
  const most = Math.max(1e-9, ...answer.a.scores.map(Math.abs), ...answer.b.scores.map(Math.abs));
  const link = word && answer.links.find((own) => own[word.side] === word.word);
  const side = (which: 'a' | 'b', name: string, own: PairSide) => (
    <section class="card" aria-label={`Words of ${name}`}>
      <h2><q>{name}</q></h2>
      <Colored
        runs={own.runs}
        values={own.scores}
        most={most}
        label={`${name}, colored by what each word adds to the cosine`}
        title={(run, value) => `${run.text}: ${num(value, 3)}`}
        chosen={(at) => (link ? link[which] === at : word?.side === which && word.word === at)}
        onChoose={(at) => setWord({ side: which, word: at })}
      />
      <p class="note small num">words {num(own.scores.reduce((x, y) => x + y, 0))} + special tokens {num(own.special, 3)} + biases {num(own.bias, 3)}</p>
    </section>
  );
  const textOf = (own: PairSide) => new Map(own.runs.flatMap((run) => (run.word === undefined ? [] : [[run.word, run.text] as const])));
  const [wordsA, wordsB] = [textOf(answer.a), textOf(answer.b)];
  // Punctuation corresponds everywhere and says little, so the table lists only words.
  const links = answer.links.filter((own) => [wordsA.get(own.a), wordsB.get(own.b)].every((text) => /[\p{L}\p{N}]/u.test(text ?? ''))).sort((x, y) => y.cosine - x.cosine).slice(0, 60);
  return (
    <>
      <section class="card" aria-label="The pair">
        <div class="card-head">
          <h2><q>{names[0]}</q> and <q>{names[1]}</q></h2>
          <span class="note small num">{num(answer.ms, 3)} ms</span>
        </div>
        <p class="figure"><b class="num" data-cosine>{answer.cosine.toFixed(4)}</b> <span>cosine. The words of each side, with special tokens and biases, sum to it; the residual is <span class="num">{answer.residual.toExponential(1).replace('-', '−')}</span>.</span></p>
        <p class="note small" aria-live="polite">{word === null ? 'Choose a word to see which word of the other text corresponds to it.' : link ? <><q>{wordsA.get(link.a)}</q> corresponds to <q>{wordsB.get(link.b)}</q>, with a cosine of <span class="num">{num(link.cosine, 3)}</span>.</> : 'No word of the other text corresponds to it. Two words correspond if each is the nearest to the other.'}</p>
      </section>
      <div class="two">
        {side('a', names[0], answer.a)}
        {side('b', names[1], answer.b)}
      </div>
      <section class="card" aria-label="Words that correspond">
        <h2>Words that correspond</h2>
        <div class="scroll" tabIndex={0} role="region" aria-label="Aligned words">
          <table class="terms wide" data-sum="links">
            <caption>Each word is the nearest to the other, by the cosine of their rows after the last layer (SimAlign, Jalili Sabet et al. 2020)</caption>
            <thead><tr><th scope="col">{names[0]}</th><th scope="col">{names[1]}</th><th scope="col">cosine</th><th scope="col"><span class="sr">as a bar</span></th></tr></thead>
            <tbody>{links.map((own) => <tr key={`${own.a}-${own.b}`}><th scope="row">{wordsA.get(own.a)}</th><td>{wordsB.get(own.b)}</td><td>{num(own.cosine, 3)}</td><td class="bar-cell"><Bar value={own.cosine} most={1} both={false} /></td></tr>)}</tbody>
          </table>
        </div>
      </section>
    </>
  );
}

export function Similarity() {
  const { document: doc, state, go } = useWorld();
  const answered = useAnswer<Items>('similarity');
  const [measure, setMeasure] = useState<Measure>('cosine');
  const [projection, setProjection] = useState<Projection>('pca');
  const answer = isOf(answered, 'similarity') ? answered.value : undefined;
  const n = answer?.items.length ?? 0;
  const numbers = answer ? floats(measure === 'cosine' ? answer.cosines : answer.centered) : undefined;
  useNumbers(answer && n > 1 ? {
    name: 'similarity',
    rows: () => [['first', 'second', 'cosine', 'centered'], ...Array.from({ length: n * n }, (_, at) => [Math.floor(at / n), at % n] as const).filter(([a, b]) => a < b).map(([a, b]) => [answer.items[a]?.name ?? '', answer.items[b]?.name ?? '', floats(answer.cosines)[a * n + b] as number, finite(floats(answer.centered)[a * n + b])])],
    json: () => ({ ...answer, cosines: [...floats(answer.cosines)], centered: [...floats(answer.centered)].map(finite), places: [...floats(answer.places)] }),
  } : undefined);
  if (!answer || !numbers) {
    return <Wait of={[answered]} what="the items of the file" />;
  }
  if (n < 2) {
    return <p class="note">{doc.file.split(/[\\/]/).at(-1)} has {n === 0 ? 'no item' : 'only one item'} that can be compared. Items are functions, types and sections; similarity needs two.</p>;
  }
  const a = Math.min(Math.max(state.item, 0), n - 1);
  const nearest = Array.from({ length: n }, (_, at) => at).filter((at) => at !== a && !Number.isNaN(numbers[a * n + at])).sort((x, y) => (numbers[a * n + y] as number) - (numbers[a * n + x] as number));
  const b = state.other >= 0 && state.other < n ? state.other : (nearest[0] ?? (a === 0 ? 1 : 0));
  const all = Array.from(numbers).filter((value, at) => !Number.isNaN(value) && Math.floor(at / n) !== at % n);
  const of: Table = { answer, n, value: (x, y) => numbers[x * n + y] as number, low: Math.min(0, ...all), high: Math.max(...all, 0.01) };
  const names = (at: number) => answer.items[at]?.name ?? '';
  const options = answer.items.map((item, at): [number, string] => [at, `${item.name}, line ${item.first_line}`]);
  return (
    <div class="similarity stacked">
      <div class="row wrap">
        <Select label="Item" value={a} options={options} onChange={(item) => go({ item, other: -1 })} />
        <Select label="Measure" value={measure} options={Object.entries(MEASURES).map(([name, [title]]): [Measure, string] => [name as Measure, title])} onChange={setMeasure} />
        <span class="note small">{MEASURES[measure][1]}</span>
      </div>
      <div class="two">
        <section class="card" aria-label="Matrix of items">
          <h2>{n} items{answer.all > n ? ` of ${answer.all}` : ''}</h2>
          <Matrix of={of} a={a} b={b} choose={(item, other) => go({ item, other })} />
        </section>
        <section class="card" aria-label="Map of items">
          <div class="card-head">
            <h2>Map</h2>
            {n >= FEWEST && <Select label="by" value={projection} options={PROJECTIONS} onChange={setProjection} />}
          </div>
          <Landscape of={of} by={projection} a={a} b={b} choose={(item) => go({ item, other: -1 })} />
          {projection === 'umap' ? (
            <p class="note small">UMAP (McInnes et al. 2018) keeps each item near its {Math.min(15, n - 1)} nearest items by cosine. Distances between groups and sizes of groups mean nothing.</p>
          ) : (
            <p class="note small">Two principal components of the vectors, <span class="num">{percent(answer.shares[0], 0)}</span> and <span class="num">{percent(answer.shares[1], 0)}</span> of their variance. Items that are far apart here are also far apart in the full space. Items that are near each other here may differ in other components.</p>
          )}
          <h3>Neighbors of <q>{names(a)}</q></h3>
          <ol class="bars neighbors">
            {nearest.slice(0, 8).map((at) => (
              <li key={at} class={at === b ? 'on' : ''}>
                <button type="button" class="link" aria-pressed={at === b} onClick={() => go({ item: a, other: at })}>{names(at)}</button>
                <Bar value={of.value(a, at)} most={1} both={false} />
                <span class="num right">{num(of.value(a, at))}</span>
              </li>
            ))}
          </ol>
        </section>
      </div>
      {a !== b && (exported ? <p class="note">This file contains no model, so it cannot show the words of a pair. Run <code>fovea view</code> on the document to see them.</p> : <Pair a={a} b={b} names={[names(a), names(b)]} />)}
    </div>
  );
}

const finite = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? null : value);
