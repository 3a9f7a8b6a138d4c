// The layers panel: the share of each word in the embedding after each layer, and how the row of each word changes.
import { useMemo, useState } from 'preact/hooks';

import { floats, isOf, type Through, useAnswer, type UnitText } from './data';
import { Lens } from './lens';
import { css, inkOn, num, percent, ramp } from './numbers';
import { Save, Select, Wait, save } from './parts';
import { csv, useNumbers } from './saving';
import { useWorld } from './state';

const MEASURES = {
  share: ['share of the embedding', 'The share of each word in the pooled row after each layer, by ALTI. At the input, the share of a token is its weight in the pooling.'],
  drift: ['turn in each layer', '1 − cosine of the row before and after a layer: how far the layer turns it.'],
  last: ['similarity to the last row', 'Cosine of the row with the row of the same token after the last layer.'],
  norm: ['length of the row', 'Euclidean length of the row.'],
} as const;
type Measure = keyof typeof MEASURES;

interface Line {
  word: number;
  name: string;
  values: number[];
}

/** The value of each word in each layer, from the values of its tokens: the sum of shares, the mean of other values. */
function lines(text: UnitText, through: Through, measure: Measure): Line[] {
  const n = through.tokens;
  const raw = floats({ share: through.shares, drift: through.drift, last: through.to_last, norm: through.norms }[measure]);
  const count = raw.length / n;
  const names = new Map(text.runs.flatMap((run) => (run.word === undefined ? [] : [[run.word, run.text] as const])));
  const tokens = new Map<number, number[]>();
  text.tokens.forEach((token, at) => {
    const word = token.word ?? -1 - at;
    tokens.set(word, [...(tokens.get(word) ?? []), at]);
  });
  return [...tokens].map(([word, own]) => ({
    word,
    name: names.get(word) ?? text.tokens[own[0] as number]?.piece ?? '',
    values: Array.from({ length: count }, (_, layer) => {
      const sum = own.reduce((total, at) => total + (raw[layer * n + at] as number), 0);
      return measure === 'share' ? sum : sum / own.length;
    }),
  }));
}

const COLORS = ['--line1', '--line2', '--line3', '--line4', '--line5', '--line6', '--line7', '--line8'];

function Chart({ shown, labels, format }: { shown: Line[]; labels: string[]; format: (value: number) => string }) {
  const [width, height, left, right, top, bottom] = [760, 330, 54, 130, 14, 34];
  const all = shown.flatMap((line) => line.values);
  const low = Math.min(0, ...all);
  const high = Math.max(...all, low + 1e-9);
  const x = (layer: number) => left + (layer * (width - left - right)) / Math.max(1, labels.length - 1);
  const y = (value: number) => height - bottom - ((value - low) * (height - top - bottom)) / (high - low);
  // Names on the right keep a minimum distance.
  const ends = shown.map((line, at) => ({ at, y: y(line.values.at(-1) as number) })).sort((a, b) => a.y - b.y);
  ends.forEach((end, at) => {
    const above = ends[at - 1];
    end.y = above && end.y < above.y + 16 ? above.y + 16 : end.y;
  });
  const over = (ends.at(-1)?.y ?? 0) - (height - bottom);
  const lift = over > 0 ? over : 0;
  const place = new Map(ends.map((end) => [end.at, end.y - lift]));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => low + part * (high - low));
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`Lines through the layers: ${shown.map((line) => `${line.name} from ${format(line.values[0] as number)} to ${format(line.values.at(-1) as number)}`).join('; ')}`}>
      {ticks.map((tick) => (
        <g key={tick}>
          <line class="tick" x1={left} x2={width - right} y1={y(tick)} y2={y(tick)} />
          <text x={left - 8} y={y(tick) + 4} text-anchor="end">{format(tick)}</text>
        </g>
      ))}
      {labels.map((label, at) => (
        <text key={label} x={x(at)} y={height - 12} text-anchor="middle">{label}</text>
      ))}
      {shown.map((line, at) => (
        <g key={line.word} style={{ color: `var(${COLORS[at % COLORS.length]})` }}>
          <polyline points={line.values.map((value, layer) => `${x(layer)},${y(value)}`).join(' ')} />
          {line.values.map((value, layer) => <circle key={layer} cx={x(layer)} cy={y(value)} r={2.6} />)}
          <text class="name" x={width - right + 10} y={(place.get(at) ?? 0) + 4}>{line.name.length > 15 ? `${line.name.slice(0, 14)}…` : line.name}</text>
        </g>
      ))}
    </svg>
  );
}

export function Layers() {
  const { text, state, theme } = useWorld();
  const path = `through/${state.unit}`;
  const answered = useAnswer<Through>(path);
  const [measure, setMeasure] = useState<Measure>('share');
  const [picked, setPicked] = useState<number[]>([]);
  const ready = isOf(answered, path) && text?.unit === state.unit ? answered.value : undefined;
  const all = useMemo(() => (ready && text ? lines(text, ready, measure) : []), [ready, text, measure]);
  const labels = ready ? Array.from({ length: measure === 'drift' ? ready.layers : ready.layers + 1 }, (_, at) =>
    measure === 'drift' ? `layer ${at}` : at === 0 ? 'input' : `${at - 1}`,
  ) : [];
  const numbers = ready ? {
    name: `layers-${measure}`,
    rows: () => [['word', ...labels], ...all.map((line) => [line.name, ...line.values])],
    json: () => ({ measure, labels, words: all, pooled_to_last: ready.pooled_to_last }),
  } : undefined;
  useNumbers(numbers);
  if (!ready || !text) {
    return <Wait of={[answered]} what="every layer" />;
  }
  const format = (value: number) => (measure === 'share' ? percent(value) : num(value, 3));
  const spread = (line: Line) => Math.max(...line.values) - Math.min(...line.values);
  const chosen = picked.filter((word) => all.some((line) => line.word === word));
  // Special tokens have large values, next to which the values of words would be invisible.
  const words = all.filter((line) => line.word >= 0);
  const lead = chosen.length > 0 ? chosen : [...words].sort((a, b) => (measure === 'share' ? (b.values.at(-1) as number) - (a.values.at(-1) as number) : spread(b) - spread(a))).slice(0, 7).map((line) => line.word);
  const shown = lead.slice(0, 8).flatMap((word) => all.find((line) => line.word === word) ?? []);
  const high = Math.max(...(words.length > 0 ? words : all).flatMap((line) => line.values));
  const low = measure === 'share' || measure === 'drift' ? 0 : Math.min(...all.flatMap((line) => line.values));
  return (
    <div class="layers">
      <section class="card" aria-label="Lines through the layers">
        <div class="card-head">
          <Select label="Show" value={measure} options={Object.entries(MEASURES).map(([name, [title]]): [Measure, string] => [name as Measure, title])} onChange={setMeasure} />
          <div class="row">
            {picked.length > 0 && <button type="button" class="quiet" onClick={() => setPicked([])}>Most {measure === 'share' ? 'telling' : 'variable'} words</button>}
            <Save title="CSV" onSave={() => numbers && save(`${numbers.name}.csv`, 'text/csv', csv(numbers.rows()))} />
          </div>
        </div>
        <p class="note small">{MEASURES[measure][1]}</p>
        <Chart shown={shown} labels={labels} format={format} />
        <p class="note small">
          Cosine of the pooled row with the final embedding: {ready.pooled_to_last.map((value, at) => <span key={at}>{at > 0 && ' → '}<b class="num">{num(value, 3)}</b></span>)}
        </p>
      </section>
      <section class="card" aria-label="Every word">
        <div class="card-head"><h2>Every word, layer by layer</h2><span class="note small">Click a word to draw its line.</span></div>
        <div class="scroll tall" tabIndex={0} role="region" aria-label="Values of every word in every layer">
          <table class="heat">
            <thead><tr><th scope="col">word</th>{labels.map((label) => <th key={label} scope="col">{label}</th>)}</tr></thead>
            <tbody>
              {all.map((line) => (
                <tr key={line.word}>
                  <th scope="row">
                    <button type="button" class={`link${lead.includes(line.word) ? ' on' : ''}`} aria-pressed={chosen.includes(line.word)} onClick={() => setPicked(chosen.includes(line.word) ? chosen.filter((word) => word !== line.word) : [...chosen, line.word].slice(-8))}>
                      {line.name}
                    </button>
                  </th>
                  {line.values.map((value, layer) => {
                    const color = ramp(theme, (value - low) / (high - low || 1));
                    return <td key={layer} style={{ background: css(color), color: inkOn(color) }}>{format(value)}</td>;
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <Lens text={text} />
    </div>
  );
}
