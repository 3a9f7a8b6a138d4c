// The structure panel: the model as nested boxes that open, with shapes and parameters.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { floats, isOf, type Part, type Structure as Answer, useAnswer, type Weights, type Work } from './data';
import { diverging, num, percent, short } from './numbers';
import { Bar, Save, Strip, Wait, save } from './parts';
import { useNumbers } from './saving';
import { useWorld } from './state';

function alike(a: Part, b: Part): boolean {
  return (
    a.kind === b.kind &&
    a.detail === b.detail &&
    String(a.shape) === String(b.shape) &&
    (a.parts?.length ?? 0) === (b.parts?.length ?? 0) &&
    (a.parts ?? []).every((part, at) => alike(part, b.parts?.[at] as Part))
  );
}

function grouped(parts: Part[]): { part: Part; all: Part[] }[] {
  const groups: { part: Part; all: Part[] }[] = [];
  for (const part of parts) {
    const last = groups.at(-1);
    if (last && part.kind === 'block' && alike(last.part, part)) {
      last.all.push(part);
    } else {
      groups.push({ part, all: [part] });
    }
  }
  return groups;
}

/** The time of each part in the pass over the selected unit. The key is the names of all enclosing parts and of the part. */
type Times = Map<string, number>;

const SEPARATOR = ' / ';

/** A picture of the weights of an open part, and their distribution. */
function WeightsOf({ part, name }: { part: number; name: string }) {
  const { theme } = useWorld();
  const path = `weights/${part}`;
  const answered = useAnswer<Weights>(path);
  const canvas = useRef<HTMLCanvasElement>(null);
  const answer = isOf(answered, path) ? answered.value : undefined;
  const cells = answer && floats(answer.cells);
  const most = answer ? Math.max(Math.abs(answer.low), Math.abs(answer.high), 1e-12) : 1;
  const [over, setOver] = useState<number | null>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!answer || !cells || !canvas.current || !context) {
      return;
    }
    canvas.current.width = answer.width;
    canvas.current.height = answer.height;
    const image = context.createImageData(answer.width, answer.height);
    cells.forEach((value, at) => {
      const size = value / most;
      image.data.set([...diverging(theme, Math.sign(size) * Math.abs(size) ** 0.7), 255], 4 * at);
    });
    context.putImageData(image, 0, 0);
  }, [answer, theme]);
  if (!answer || !cells) {
    return <Wait of={[answered]} what="the weights" />;
  }
  const { rows, columns, height, width, bins } = answer;
  const covered = (at: number, of: number, all: number) => {
    const [first, last] = [Math.ceil((at * all) / of), Math.ceil(((at + 1) * all) / of) - 1];
    return last > first ? `${first}–${last}` : String(first);
  };
  const tallest = Math.max(...bins);
  const shift = answer.shift ? floats(answer.shift) : undefined;
  const exact = height === rows && width === columns;
  return (
    <div class="weights" data-weights={part}>
      <div
        class="weights-cells"
        onMouseMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const place = (v: number, size: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor((v / size) * count)));
          setOver(place(event.clientY - box.top, box.height, height) * width + place(event.clientX - box.left, box.width, width));
        }}
        onMouseLeave={() => setOver(null)}
      >
        <canvas ref={canvas} role="img" aria-label={`${name}: ${rows} rows of ${columns} weights as colors`} style={{ height: `${Math.max(14, Math.min(240, height * 3))}px` }} />
      </div>
      <p class="note small num">
        {over === null
          ? exact ? 'Each cell is a weight: blue below zero, orange above.' : `A cell is the largest of about ${Math.round((rows * columns) / (height * width))} weights: blue below zero, orange above.`
          : `[${covered(Math.floor(over / width), height, rows)}, ${covered(over % width, width, columns)}] = ${num(cells[over] as number)}`}
      </p>
      <svg class="distribution" viewBox={`0 0 ${bins.length} 20`} preserveAspectRatio="none" role="img" aria-label={`Distribution of the weights of ${name}`}>
        {bins.map((count, at) => <rect key={at} x={at + 0.08} width={0.84} y={20 - (20 * count) / tallest} height={(20 * count) / tallest} />)}
      </svg>
      <p class="row wrap note small num ends"><span>{num(-most, 3)}</span><span>0</span><span>{num(most, 3)}</span></p>
      <dl class="facts">
        {([['smallest', num(answer.low)], ['largest', num(answer.high)], ['mean', num(answer.mean, 3)], ['deviation', num(answer.deviation)], ['zeros', percent(answer.zeros, 2)]] as const).map(([title, value]) => <div key={title}><dt>{title}</dt><dd class="num" data-fact={title}>{value}</dd></div>)}
      </dl>
      {shift && <Strip values={shift} label={`Bias of ${name}`} />}
    </div>
  );
}

/** The bytes of a part and of all parts inside it. A tensor that several parts share counts once. */
function bytesOf(part: Part, bytes: number[]): number {
  const own = part.weights !== undefined && part.parameters > 0 ? (bytes[part.weights] ?? 0) : 0;
  return (part.parts ?? []).reduce((total, inner) => total + bytesOf(inner, bytes), own);
}

function Box({ part, all, whole, open, within, times }: { part: Part; all: Part[]; whole: Whole; open: boolean; within: string[]; times: Times }) {
  const { state, go } = useWorld();
  const [looked, look] = useState(false);
  const count = all.length;
  const parameters = all.reduce((total, own) => total + own.parameters, 0);
  const title = count > 1 ? `Blocks ${part.name.match(/\d+$/)?.[0] ?? ''} to ${all.at(-1)?.name.match(/\d+$/)?.[0] ?? ''}` : part.name;
  // A group of blocks that are alike shows the parts of one block, with the times of all blocks together.
  const paths = within.flatMap((outer) => (part.kind === 'block' ? all.map((own) => outer + own.name) : [outer + part.name]));
  const took = paths.map((path) => times.get(path)).filter((ms) => ms !== undefined);
  const ms = took.length > 0 ? took.reduce((total, own) => total + own, 0) : undefined;
  const bytes = all.reduce((total, own) => total + bytesOf(own, whole.bytes), 0);
  const head = (
    <>
      <span class="box-name">{title}{count > 1 && <span class="times"> {count} alike</span>}</span>
      {part.shape && <span class="shape num">{part.shape.join(' × ')}</span>}
      <span class="box-detail">{part.detail}</span>
      {ms !== undefined && <span class="box-time num" data-time={paths[0]} title={`Time in the pass over this unit${paths.length > 1 ? `, ${paths.length} together` : ''}`}>{num(ms, 2)} ms</span>}
      {parameters > 0 && (
        <span class="box-size" title={`${parameters.toLocaleString('en')} parameters${bytes ? `, ${short(bytes)}B in memory` : ''}`}>
          <span class="num">{short(parameters)}</span>
          <span class="size-bar" aria-hidden="true"><span style={{ width: `${(100 * parameters) / whole.parameters}%` }} /></span>
          <span class="num note small">{short(bytes)}B</span>
        </span>
      )}
    </>
  );
  if (part.kind === 'add') {
    return <li class="box add" aria-label="residual: adds the stream"><span class="plus" aria-hidden="true">+</span><span class="box-detail">residual</span></li>;
  }
  if (part.weights !== undefined) {
    const own = part.weights;
    return (
      <li class={`box ${part.kind}`}>
        <details onToggle={(event) => look(event.currentTarget.open)}>
          <summary class="box-head" title="See the weights">{head}</summary>
          {part.tensor && <code class="tensor">{part.tensor}</code>}
          {looked && <WeightsOf part={own} name={part.name} />}
        </details>
      </li>
    );
  }
  if (!part.parts?.length) {
    return <li class={`box ${part.kind}`}><div class="box-head">{head}</div></li>;
  }
  return (
    <li class={`box group ${part.kind}`}>
      <details open={open}>
        <summary class="box-head">{head}</summary>
        {count > 1 && (
          <p class="row wrap blocks">
            {all.map((own, at) => (
              <button key={own.name} type="button" class="quiet" aria-pressed={state.layer === at} onClick={() => go({ layer: at, panel: 'attention' })} title={`See what ${own.name} looked at`}>{own.name}</button>
            ))}
          </p>
        )}
        <ol class={part.kind === 'attention' ? 'boxes side' : 'boxes'}>
          {grouped(part.parts).map((group) => <Box key={group.part.name + group.part.tensor} {...group} whole={whole} open={group.part.kind === 'attention'} within={paths.map((path) => path + SEPARATOR)} times={times} />)}
        </ol>
      </details>
    </li>
  );
}

interface Whole {
  parameters: number;
  /** Bytes in memory of each part with weights. */
  bytes: number[];
}

const STAGES: Record<Work['stages'][number]['stage'], (count: number) => [string, string]> = {
  units: (count) => ['The file is split', count === 1 ? 'one unit' : `${count} units`],
  tokens: (count) => ['The unit becomes tokens', `${count} tokens, special ones included`],
  written: (count) => ['The decoder gets a text', `${count} tokens`],
  layers: (count) => ['The model reads it', `${count} layers; every result is kept`],
  embedding: (count) => ['Rows become an embedding', `${count} numbers`],
  shares: (count) => ['The embedding is split into shares, backward through the same operations', `${count} words`],
};

/** The stages that ran for the unit, from the file to the shares of words. */
function Pipeline({ work }: { work: Work }) {
  const all = work.stages.reduce((total, own) => total + own.ms, 0);
  return (
    <section class="card pipeline" aria-label="What ran for this unit">
      <h2>What ran for this unit</h2>
      <ol>
        {work.stages.map((own) => {
          const [title, detail] = STAGES[own.stage](own.count);
          return (
            <li key={own.stage} data-stage={own.stage}>
              <span class="box-name">{title}</span>
              <span class="box-detail">{detail}</span>
              <Bar value={own.ms} most={all} both={false} />
              <span class="num right">{num(own.ms, 2)} ms</span>
            </li>
          );
        })}
      </ol>
      <p class="note small">For this page, the interpreter keeps every number and reads one text at a time. The editor’s answers come from faster operations with the same results.</p>
    </section>
  );
}

/** All parts as rows of a table, each with the names of its enclosing parts. */
function flat(part: Part, around = ''): (string | number)[][] {
  const name = around ? `${around} / ${part.name}` : part.name;
  return [[name, part.kind, part.detail, part.shape?.join(' × ') ?? '', part.tensor ?? '', part.parameters], ...(part.parts ?? []).flatMap((own) => flat(own, name))];
}

export function Structure() {
  const { document: doc, state } = useWorld();
  const answered = useAnswer<Answer>('structure');
  const worked = useAnswer<Work>(doc.units[state.unit] && !doc.units[state.unit]?.blank ? `work/${state.unit}` : null);
  const work = worked.value;
  const times = useMemo(() => new Map(work?.parts.map((own) => [own.part.join(SEPARATOR), own.ms])), [work]);
  const ready = isOf(answered, 'structure') ? answered.value : undefined;
  useNumbers(ready ? { name: 'structure', rows: () => [['part', 'kind', 'detail', 'shape', 'tensor', 'parameters'], ...flat(ready.tree)], json: () => ready.tree } : undefined);
  if (!isOf(answered, 'structure')) {
    return <Wait of={[answered]} what="the structure" />;
  }
  const { tree, bytes, mermaid, svg } = answered.value;
  const facts: [string, string][] = [
    ['architecture', doc.model.architecture],
    ['parameters', short(tree.parameters)],
    ['weights', `${doc.model.weights}, ${short(bytesOf(tree, bytes))}B in memory`],
    ['layers', String(doc.model.layers)],
    ['heads', `${doc.model.heads} of ${doc.head_dim ?? '?'}`],
    ['width', String(doc.model.hidden)],
    ['window', `${doc.model.window.toLocaleString('en')} tokens`],
    ['vocabulary', doc.model.vocabulary.toLocaleString('en')],
    ['can', doc.abilities.join(', ')],
  ];
  return (
    <div class="structure">
      <section class="card" aria-label="The model">
        <div class="card-head">
          <h2>{tree.name}</h2>
          <div class="row wrap">
            <Save title="SVG" onSave={() => save(`${tree.name}.svg`, 'image/svg+xml', svg)} />
            <Save title="Mermaid" onSave={() => save(`${tree.name}.mmd`, 'text/plain', mermaid)} />
          </div>
        </div>
        <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      </section>
      <div class="beside">
        <ol class="boxes top">
          <li class="box io">text, as tokens</li>
          {grouped(tree.parts ?? []).map((group) => <Box key={group.part.name} {...group} whole={{ parameters: tree.parameters, bytes }} open={group.part.kind === 'block'} within={['']} times={times} />)}
        </ol>
        {work && <Pipeline work={work} />}
      </div>
    </div>
  );
}
