// Structure: the model as boxes that open level by level, with shapes and parameters.
import { isOf, type Part, type Structure as Answer, useAnswer } from './data';
import { percent, short } from './numbers';
import { Save, Wait, save } from './parts';
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

function Box({ part, all, whole, open }: { part: Part; all: Part[]; whole: number; open: boolean }) {
  const { state, go } = useWorld();
  const count = all.length;
  const parameters = all.reduce((total, own) => total + own.parameters, 0);
  const title = count > 1 ? `Blocks ${part.name.match(/\d+$/)?.[0] ?? ''} to ${all.at(-1)?.name.match(/\d+$/)?.[0] ?? ''}` : part.name;
  const head = (
    <>
      <span class="box-name">{title}{count > 1 && <span class="times"> {count} alike</span>}</span>
      {part.shape && <span class="shape num">{part.shape.join(' × ')}</span>}
      <span class="box-detail">{part.detail}</span>
      {parameters > 0 && (
        <span class="box-size" title={`${parameters.toLocaleString('en')} parameters`}>
          <span class="num">{short(parameters)}</span>
          <span class="size-bar" aria-hidden="true"><span style={{ width: `${(100 * parameters) / whole}%` }} /></span>
          <span class="num note small">{percent(parameters / whole)}</span>
        </span>
      )}
    </>
  );
  if (part.kind === 'add') {
    return <li class="box add" aria-label="residual: the stream is added"><span class="plus" aria-hidden="true">+</span><span class="box-detail">residual</span></li>;
  }
  if (!part.parts?.length) {
    return (
      <li class={`box ${part.kind}`}>
        <div class="box-head">{head}</div>
        {part.tensor && <code class="tensor">{part.tensor}</code>}
      </li>
    );
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
          {grouped(part.parts).map((group) => <Box key={group.part.name + group.part.tensor} {...group} whole={whole} open={group.part.kind === 'attention'} />)}
        </ol>
      </details>
    </li>
  );
}

/** Every part in a row, with the names of those around it. */
function flat(part: Part, around = ''): (string | number)[][] {
  const name = around ? `${around} / ${part.name}` : part.name;
  return [[name, part.kind, part.detail, part.shape?.join(' × ') ?? '', part.tensor ?? '', part.parameters], ...(part.parts ?? []).flatMap((own) => flat(own, name))];
}

export function Structure() {
  const { document: doc } = useWorld();
  const answered = useAnswer<Answer>('structure');
  const ready = isOf(answered, 'structure') ? answered.value : undefined;
  useNumbers(ready ? { name: 'structure', rows: () => [['part', 'kind', 'detail', 'shape', 'tensor', 'parameters'], ...flat(ready.tree)], json: () => ready.tree } : undefined);
  if (!isOf(answered, 'structure')) {
    return <Wait of={[answered]} what="the structure" />;
  }
  const { tree, bytes, mermaid, svg } = answered.value;
  const facts: [string, string][] = [
    ['architecture', doc.model.architecture],
    ['parameters', short(tree.parameters)],
    ['weights', bytes ? `${doc.model.weights}, about ${short(bytes)}B` : doc.model.weights],
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
      <ol class="boxes top">
        <li class="box io">text, as tokens</li>
        {grouped(tree.parts ?? []).map((group) => <Box key={group.part.name} {...group} whole={tree.parameters} open={group.part.kind === 'block'} />)}
      </ol>
    </div>
  );
}
