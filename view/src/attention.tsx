// Attention: all heads at a glance, one head as a matrix and as arcs over the text, one pair number by number.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { ask, floats, type Head, isOf, type UnitText, useAnswer } from './data';
import { MEASURES, MEASURE_TITLES, Maps, type Measure, type Profile, profile, told } from './heads';
import { dot, largest, num, percent, ramp } from './numbers';
import { Bar, Formula, More, Save, Select, still, Strip, Terms, Wait, save } from './parts';
import { lookingToken, nameOf, pieceOf, type State, useWorld } from './state';

/** The maps of all layers as they come. */
function useMaps(): { maps: (Maps | undefined)[]; error: Error | undefined } {
  const { state, text } = useWorld();
  const [found, set] = useState<{ unit: number; maps: (Maps | undefined)[]; error?: Error }>({ unit: -1, maps: [] });
  const n = text?.tokens.length ?? 0;
  useEffect(() => {
    if (!text || text.unit !== state.unit) {
      return;
    }
    let live = true;
    set({ unit: state.unit, maps: Array.from({ length: text.layers }) });
    (async () => {
      for (let layer = 0; layer < text.layers && live; layer++) {
        try {
          const values = await ask<Uint16Array>(`attention/${state.unit}/${layer}`);
          const made = new Maps(values, values.length / Math.max(n * n, 1), n);
          if (live) {
            set((old) => ({ ...old, maps: old.maps.map((map, at) => (at === layer ? made : map)) }));
          }
        } catch (error) {
          if (live) {
            set((old) => ({ ...old, error: error as Error }));
          }
          return;
        }
      }
    })();
    return () => {
      live = false;
    };
  }, [text, state.unit]);
  return { maps: found.unit === state.unit ? found.maps : [], error: found.error ?? undefined };
}

/** The tokens that are shown. */
function useShown(): number[] {
  const { text, state } = useWorld();
  return useMemo(() => {
    const all = text?.tokens.map((_, at) => at) ?? [];
    return state.special ? all : all.filter((at) => !text?.tokens[at]?.special);
  }, [text, state.special]);
}

/** Draws a map; of more than `cells` tokens, a cell is the largest of several, so that a line of one token stays visible. */
function draw(canvas: HTMLCanvasElement | null, maps: Maps, head: number, shown: number[], theme: 'light' | 'dark', cells = Infinity) {
  const context = canvas?.getContext('2d');
  if (!canvas || !context || shown.length === 0) {
    return;
  }
  const size = Math.min(cells, shown.length);
  const values = new Uint16Array(size * size);
  const place = shown.map((_, at) => Math.floor((at * size) / shown.length));
  shown.forEach((i, y) => {
    const row = (head * maps.n + i) * maps.n;
    const out = (place[y] as number) * size;
    for (let x = 0; x < shown.length; x++) {
      const value = maps.values[row + (shown[x] as number)] as number;
      const at = out + (place[x] as number);
      if (value > (values[at] as number)) {
        values[at] = value;
      }
    }
  });
  canvas.width = size;
  canvas.height = size;
  const image = context.createImageData(size, size);
  const table = TABLES[theme];
  values.forEach((value, at) => {
    const color = 3 * ((value / 257) | 0);
    image.data[4 * at] = table[color] as number;
    image.data[4 * at + 1] = table[color + 1] as number;
    image.data[4 * at + 2] = table[color + 2] as number;
    image.data[4 * at + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

const TABLES = {
  light: Uint8Array.from(Array.from({ length: 256 }, (_, at) => ramp('light', at / 255)).flat()),
  dark: Uint8Array.from(Array.from({ length: 256 }, (_, at) => ramp('dark', at / 255)).flat()),
};

interface Thumb {
  maps: Maps;
  head: number;
  layer: number;
  profile: Profile;
  measure: Measure | null;
  chosen: boolean;
  shown: number[];
  theme: 'light' | 'dark';
  go: (change: Partial<State>) => void;
}

const Thumbnail = still(({ maps, head, layer, profile, measure, chosen, shown, theme, go }: Thumb) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => draw(canvas.current, maps, head, shown, theme, 30), [maps, head, shown, theme]);
  const label = `Layer ${layer}, head ${head}: ${told(profile).words}`;
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!step || measure) {
      return;
    }
    const [down, right] = step as [number, number];
    const target = document.getElementById(`head-${layer + down}-${head + right}`);
    if (target) {
      event.preventDefault();
      target.focus();
      go({ layer: layer + down, head: head + right, source: -1 });
    }
  };
  return (
    <button
      type="button"
      id={`head-${layer}-${head}`}
      class={chosen ? 'thumb chosen' : 'thumb'}
      aria-label={label}
      aria-pressed={chosen}
      title={label}
      tabIndex={chosen || measure ? 0 : -1}
      onClick={() => go({ layer, head, source: -1 })}
      onKeyDown={move}
    >
      <canvas ref={canvas} aria-hidden="true" />
      {measure && (
        <span class="thumb-note">
          {layer}·{head} <b>{Math.round(100 * profile[measure])} %</b>
        </span>
      )}
    </button>
  );
});

/** The clearest heads of each kind. */
function Roles({ profiles }: { profiles: (Profile[] | undefined)[] }) {
  const { state, go } = useWorld();
  const all = profiles.flatMap((layer, at) => (layer ?? []).map((profile, head) => ({ layer: at, head, profile })));
  return (
    <section class="card roles" aria-label="What heads do">
      <h2>What heads look at most</h2>
      <dl>
        {MEASURES.filter((measure) => measure !== 'focus').map((measure) => (
          <div key={measure}>
            <dt>{MEASURE_TITLES[measure]}</dt>
            <dd>
              {[...all].sort((a, b) => b.profile[measure] - a.profile[measure]).slice(0, 3).map(({ layer, head, profile }) => (
                <button
                  key={`${layer}-${head}`}
                  type="button"
                  class="chip"
                  aria-pressed={state.layer === layer && state.head === head}
                  title={`Layer ${layer}, head ${head}`}
                  onClick={() => go({ layer, head, source: -1 })}
                >
                  {layer}·{head} <b>{Math.round(100 * profile[measure])} %</b>
                </button>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <p class="note small">Layer·head, and the mean share of its attention over the tokens of this unit.</p>
    </section>
  );
}

function Glance({ maps, profiles }: { maps: (Maps | undefined)[]; profiles: (Profile[] | undefined)[] }) {
  const { document: doc, state, theme, go } = useWorld();
  const shown = useShown();
  const [order, setOrder] = useState<Measure | 'layer'>('layer');
  const heads = maps.find((map) => map)?.heads ?? doc.model.heads;
  const all = profiles.flatMap((layer, at) => (layer ?? []).map((profile, head) => ({ layer: at, head, profile })));
  const focusable = profiles[state.layer]?.[state.head] !== undefined;
  return (
    <section class="card glance" aria-label="All heads at a glance">
      <div class="card-head">
        <h2>{doc.model.layers} layers × {heads} heads</h2>
        <Select
          label="Order"
          value={order}
          options={[['layer', 'by layer'], ...MEASURES.map((measure): [Measure, string] => [measure, MEASURE_TITLES[measure]])]}
          onChange={setOrder}
        />
      </div>
      {order === 'layer' ? (
        <div class="grid" role="group" aria-label="Attention maps by layer and head" style={{ '--heads': heads }}>
          <span />
          {Array.from({ length: heads }, (_, head) => <span key={head} class="grid-label">{head}</span>)}
          {maps.map((map, layer) => [
            <span key={`l${layer}`} class="grid-label row">{layer}</span>,
            ...Array.from({ length: heads }, (_, head) => {
              const own = profiles[layer]?.[head];
              return map && own ? (
                <Thumbnail key={head} maps={map} head={head} layer={layer} profile={own} measure={null} chosen={state.layer === layer && state.head === head} {...{ shown, theme, go }} />
              ) : (
                <span key={head} class="thumb empty" />
              );
            }),
          ])}
        </div>
      ) : (
        <div class="sorted" role="group" aria-label={`Heads by ${MEASURE_TITLES[order]}`}>
          {all
            .sort((a, b) => b.profile[order] - a.profile[order])
            .map(({ layer, head, profile }) => {
              const map = maps[layer];
              return map && <Thumbnail key={`${layer}-${head}`} maps={map} head={head} layer={layer} profile={profile} measure={order} chosen={state.layer === layer && state.head === head} {...{ shown, theme, go }} />;
            })}
        </div>
      )}
      <p class="note small">
        {order === 'layer'
          ? 'Each square is a head: a row for the token that looks, a column for the token that is looked at.'
          : order === 'focus'
            ? 'Mean of 1 / (number of tokens that the attention is spread over).'
            : `Mean share of the attention that goes to: ${MEASURE_TITLES[order]}.`}
        {shown.length > 30 && ' In a long text, a dot is the largest of several numbers.'}
        {order === 'layer' && focusable && ' Arrow keys move from head to head.'}
      </p>
    </section>
  );
}

/** What is short, or stands upright in its own script, is not turned. */
const FLAT = /^.$|[\u3000-\u9fff\uac00-\ud7af]/u;

/** The matrix of a head. */
function Matrix({ maps }: { maps: Maps }) {
  const { text, state, go, theme } = useWorld();
  const shown = useShown();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [over, setOver] = useState<[number, number] | null>(null);
  useEffect(() => draw(canvas.current, maps, state.head, shown, theme), [maps, state.head, shown, theme]);
  if (!text) {
    return null;
  }
  const count = shown.length;
  const token = lookingToken(text, state);
  const source = state.source >= 0 ? state.source : strongest(maps, state.head, token, text.tokens.length);
  const cell = count <= 12 ? 34 : count <= 20 ? 24 : count <= 32 ? 17 : 0;
  const place = (event: MouseEvent): [number, number] => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const at = (v: number, size: number) => Math.min(count - 1, Math.max(0, Math.floor((v / size) * count)));
    return [at(event.clientY - box.top, box.height), at(event.clientX - box.left, box.width)];
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!step) {
      return;
    }
    event.preventDefault();
    const at = (place: number, by: number) => shown[Math.min(count - 1, Math.max(0, shown.indexOf(place) + by))] ?? place;
    go({ token: at(token, step[0] as number), source: at(source, step[1] as number) });
  };
  const pair: [number, number] = over ? [shown[over[0]] as number, shown[over[1]] as number] : [token, source];
  const said = `${nameOf(text, pair[0])} → ${nameOf(text, pair[1])}: ${percent(maps.at(state.head, pair[0], pair[1]), 2)}`;
  const labels = cell > 0;
  const mark = (place: [number, number]) => ({
    left: `${(100 * place[1]) / count}%`,
    top: `${(100 * place[0]) / count}%`,
    width: `${100 / count}%`,
    height: `${100 / count}%`,
  });
  const chosen: [number, number] = [shown.indexOf(token), shown.indexOf(source)];
  return (
    <div class={labels ? 'map labels' : 'map'} style={labels ? { '--wish': `${cell}px`, '--count': count } : {}}>
      {labels && <div class="map-top" aria-hidden="true">{shown.map((at) => <span key={at} class={FLAT.test(pieceOf(text, at)) ? 'flat' : ''}>{pieceOf(text, at)}</span>)}</div>}
      {labels && <div class="map-left" aria-hidden="true">{shown.map((at) => <span key={at} class={at === token ? 'on' : ''}>{pieceOf(text, at)}</span>)}</div>}
      <div
        class="map-cells"
        tabIndex={0}
        role="slider"
        aria-label="Attention matrix: arrow keys choose the token that looks (up and down) and the one it looks at (left and right)"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * maps.at(state.head, token, source))}
        aria-valuetext={said}
        onMouseMove={(event) => setOver(place(event))}
        onMouseLeave={() => setOver(null)}
        onClick={(event) => {
          const [y, x] = place(event);
          go({ token: shown[y] as number, source: shown[x] as number });
        }}
        onKeyDown={move}
      >
        <canvas ref={canvas} aria-hidden="true" />
        {over && <span class="map-cross" style={{ top: `${(100 * over[0]) / count}%`, height: `${100 / count}%`, left: 0, width: '100%' }} />}
        {over && <span class="map-cross" style={{ left: `${(100 * over[1]) / count}%`, width: `${100 / count}%`, top: 0, height: '100%' }} />}
        {chosen[0] >= 0 && chosen[1] >= 0 && <span class="map-mark" style={mark(chosen)} />}
      </div>
      <p class="map-said num">{said}</p>
    </div>
  );
}

/** The token that another looks at most, itself included. */
function strongest(maps: Maps, head: number, token: number, n: number): number {
  let most = 0;
  for (let j = 1; j < n; j++) {
    most = maps.at(head, token, j) > maps.at(head, token, most) ? j : most;
  }
  return most;
}

interface Arc {
  path: string;
  weight: number;
  to: number;
}

/** The text with arcs from the token that looks to those that it looks at. */
function Arcs({ maps }: { maps: Maps }) {
  const { text, state, go, theme } = useWorld();
  const shown = useShown();
  const flow = useRef<HTMLDivElement>(null);
  const [arcs, setArcs] = useState<{ width: number; height: number; arcs: Arc[] }>({ width: 0, height: 0, arcs: [] });
  const [over, setOver] = useState<number | null>(null);
  const token = text ? (over ?? lookingToken(text, state)) : 0;
  const row = useMemo(() => maps.row(state.head, token), [maps, state.head, token]);
  const visible = useMemo(() => new Set(shown), [shown]);
  useLayoutEffect(() => {
    const measure = () => {
      const box = flow.current;
      if (!box) {
        return;
      }
      const own = box.getBoundingClientRect();
      const place = (at: number): { x: number; top: number; bottom: number } | null => {
        const rect = box.querySelector(`[data-token="${at}"]`)?.getBoundingClientRect();
        const top = rect ? rect.top - own.top + box.scrollTop : 0;
        return rect ? { x: rect.left - own.left + rect.width / 2, top, bottom: top + rect.height } : null;
      };
      const from = place(token);
      const made: Arc[] = [];
      if (from) {
        for (const to of largest(row, 14)) {
          const weight = row[to] as number;
          const end = place(to);
          if (weight < 0.015 || to === token || !end || !visible.has(to)) {
            continue;
          }
          const [x1, x2] = [from.x, end.x];
          const below = end.top > from.bottom;
          const above = end.bottom < from.top;
          const lift = Math.min(46, 12 + Math.abs(x2 - x1) * 0.16);
          // To another line the curve leaves the word where that line is, so that it crosses neither of both words.
          const [y1, y2] = [below ? from.bottom : from.top, above ? end.bottom : end.top];
          const half = (y1 + y2) / 2;
          const path =
            below || above
              ? `M${x1} ${y1}C${x1} ${half} ${x2} ${half} ${x2} ${y2}`
              : `M${x1} ${y1}C${x1 + (x2 - x1) * 0.1} ${y1 - lift} ${x2 - (x2 - x1) * 0.1} ${y2 - lift} ${x2} ${y2}`;
          made.push({ path, weight, to });
        }
      }
      setArcs({ width: box.clientWidth, height: box.scrollHeight, arcs: made });
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (flow.current) {
      observer.observe(flow.current);
    }
    return () => observer.disconnect();
  }, [row, token, visible, text]);
  if (!text) {
    return null;
  }
  const most = Math.max(...row.filter((_, at) => visible.has(at)), 1e-9);
  return (
    <div class="arcs" ref={flow} onMouseLeave={() => setOver(null)}>
      <svg width={arcs.width} height={arcs.height} viewBox={`0 0 ${arcs.width} ${arcs.height}`} aria-hidden="true">
        {arcs.arcs.map((arc) => (
          <path key={arc.to} d={arc.path} style={{ strokeWidth: `${0.8 + 5 * arc.weight}px`, opacity: 0.35 + 0.65 * Math.min(1, arc.weight / most) }} />
        ))}
      </svg>
      {shown.map((at) => {
        const share = row[at] ?? 0;
        const gap = text.tokens[at]?.gap ?? '';
        // Lines and their indentation stay as they are in the document.
        const indent = gap.includes('\n') ? gap.length - gap.lastIndexOf('\n') - 1 : -1;
        return [
          indent >= 0 ? <br key={`b${at}`} /> : null,
          indent > 0 ? <span key={`i${at}`} class="indent" style={{ width: `${Math.min(indent, 24) * 0.55}em` }} /> : null,
          <button
            key={at}
            type="button"
            data-token={at}
            class={`token${at === token ? ' looking' : ''}${text.tokens[at]?.special ? ' special' : ''}`}
            style={{ '--share': `${Math.round(62 * Math.sqrt(share / most))}%` }}
            title={`${nameOf(text, token)} → ${nameOf(text, at)}: ${percent(share, 2)}`}
            aria-pressed={at === token}
            aria-label={`${nameOf(text, at)}, ${percent(share)} of what ${nameOf(text, token)} looks at`}
            onMouseEnter={() => setOver(at)}
            onFocus={() => setOver(null)}
            onClick={() => {
              setOver(null);
              go({ token: at, source: -1 });
            }}
          >
            {pieceOf(text, at)}
          </button>,
          text.tokens[at]?.source.includes('\n') ? <br key={`a${at}`} /> : null,
        ];
      })}
      <span class="sr" data-theme={theme} />
    </div>
  );
}

/** The numbers of one pair. */
function Pair({ token, source }: { token: number; source: number }) {
  const { text, state, go } = useWorld();
  const path = `head/${state.unit}/${state.layer}/${state.head}`;
  const answered = useAnswer<Head>(path);
  if (!text || !isOf(answered, path)) {
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
  const [from, to] = [nameOf(text, token), nameOf(text, source)];
  return (
    <section class="card pair" aria-label="The chosen pair">
      <div class="card-head">
        <h2>Why <q>{from}</q> looks at <q>{to}</q></h2>
        <button type="button" class="quiet" onClick={() => go({ panel: 'steps' })}>Follow {from} step by step</button>
      </div>
      <Formula>
        q·k = <b class="num">{num(product)}</b>, times the scale {num(head.scale)} = <b class="num">{num(product * head.scale)}</b>
        {head.soft_cap !== null && <>, capped at {head.soft_cap} = <b class="num">{num(score)}</b></>}
        {head.positions && <>, with the distance = <b class="num">{num(score)}</b></>}
        {seen ? <>; softmax over {end - first} tokens = <b class="num">{percent(share, 2)}</b></> : <>; the mask hides this token: <b class="num">0 %</b></>}
      </Formula>
      <div class="two">
        <div>
          <Strip values={q} label={`query of ${from}`} height={16} />
          <Strip values={k} label={`key of ${to}`} height={16} />
          <Strip values={terms} label="product, number by number" height={16} />
          <Strip values={v} label={`value of ${to}: what it gives`} height={16} />
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
            caption={`Query of ${from} times key of ${to}`}
            columns={['number', 'q', 'k', 'q × k']}
            rows={Array.from(q, (x, at) => [String(at), x, k[at] as number, terms[at] as number])}
            total={[['sum', product]]}
          />
        )}
      </More>
    </section>
  );
}

const known = new WeakMap<Maps, Profile[]>();

/** The profiles of a layer's heads, measured once. */
function profilesOf(map: Maps, text: UnitText): Profile[] {
  const found = known.get(map) ?? Array.from({ length: map.heads }, (_, head) => profile(map, head, text));
  known.set(map, found);
  return found;
}

/** Whether the address names no head: then the page shows one whose work is plain to see. */
let untouched = !/[#&][lh]=/.test(location.hash);

function telling(profiles: Profile[][]): { layer: number; head: number } {
  const all = profiles.flatMap((heads, layer) => heads.map((own, head) => ({ layer, head, own })));
  const clear = ({ own }: { own: Profile }) => Math.max(own.next, 2 * own.same, 0.6 * own.previous);
  const { layer, head } = all.reduce((a, b) => (clear(b) > clear(a) ? b : a));
  return { layer, head };
}

export function Attention() {
  const { text, state, go, document: doc } = useWorld();
  const { maps, error } = useMaps();
  const profiles = useMemo(
    () => maps.map((map) => (map && text ? profilesOf(map, text) : undefined)),
    [maps, text],
  );
  const map = maps[state.layer];
  useEffect(() => {
    if (untouched && profiles.length > 0 && profiles.every((layer) => layer)) {
      untouched = false;
      go(telling(profiles as Profile[][]));
    }
  }, [profiles]);
  if (!text || text.unit !== state.unit) {
    return <Wait of={error ? [{ error }] : []} what="attention" />;
  }
  const own = profiles[state.layer]?.[state.head];
  const token = lookingToken(text, state);
  const source = state.source >= 0 ? state.source : map ? strongest(map, state.head, token, text.tokens.length) : 0;
  const csv = () => {
    const names = text.tokens.map((_, at) => `"${pieceOf(text, at).replace(/"/g, '""')}"`);
    const lines = map ? text.tokens.map((_, i) => [names[i], ...map.row(state.head, i).map((p) => p.toFixed(6))].join(',')) : [];
    save(`attention-${state.layer}-${state.head}.csv`, 'text/csv', [`,${names.join(',')}`, ...lines].join('\n'));
  };
  return (
    <div class="attention">
      {doc.decoder && <p class="note">This model has a decoder, too. The page shows its encoder, which reads the document.</p>}
      <div class="attention-top">
        <div class="left">
          <Glance maps={maps} profiles={profiles} />
          <Roles profiles={profiles} />
        </div>
        <div class="left">
        <section class="card chosen-head" aria-label="The chosen head">
          <div class="card-head">
            <div>
              <h2>Layer {state.layer}, head {state.head}</h2>
              <p class="note small">
                {own ? `It ${told(own).words}.` : ' '}
                {own?.sink && own.sink.share > 0.15 && ` ${nameOf(text, own.sink.token)} receives ${percent(own.sink.share, 0)} of all attention.`}
              </p>
            </div>
            <div class="row">
              <label class="check">
                <input type="checkbox" checked={state.special} onChange={(event) => go({ special: event.currentTarget.checked })} />
                special tokens
              </label>
              <Save title="CSV" onSave={csv} />
            </div>
          </div>
          {!state.special && own && (
            <p class="note small">Hidden special tokens take {percent(own.special)} of this head’s attention. The other shares are as they are, and do not sum to 1.</p>
          )}
          {map ? (
            <>
              <Arcs maps={map} />
              <Matrix maps={map} />
            </>
          ) : (
            <Wait of={error ? [{ error }] : []} what={`layer ${state.layer}`} />
          )}
        </section>
          {map && <Pair token={token} source={source} />}
        </div>
      </div>
      <p class="note">Attention says what was mixed. It does not say why the model decides as it does: for that, see Salience.</p>
    </div>
  );
}
