// All heads at a glance, as small maps that are ordered by layer or by pattern.
import { useEffect, useRef, useState } from 'preact/hooks';

import { hasMeaning, MEASURE_TITLES, type Maps, type Measure, measuresOf, type Profile, told } from './heads';
import { draw, LOOKS, shapeOf, type Sides } from './maps';
import { Select, still } from './parts';
import { type State, useWorld } from './state';

interface Thumb {
  maps: Maps;
  head: number;
  layer: number;
  profile: Profile;
  measure: Measure | null;
  chosen: boolean;
  shown: [number[], number[]];
  theme: 'light' | 'dark';
  go: (change: Partial<State>) => void;
}

const Thumbnail = still(({ maps, head, layer, profile, measure, chosen, shown, theme, go }: Thumb) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => draw(canvas.current, maps, head, shown, theme, 30), [maps, head, shown[0], shown[1], theme]);
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

/** The heads with the clearest pattern of each kind. */
export function Roles({ profiles }: { profiles: (Profile[] | undefined)[] }) {
  const { state, go } = useWorld();
  const all = profiles.flatMap((layer, at) => (layer ?? []).map((profile, head) => ({ layer: at, head, profile })));
  return (
    <section class="card roles" aria-label="What heads do">
      <h2>What heads look at most</h2>
      <dl>
        {measuresOf(all[0]?.profile.own ?? true).filter((measure) => measure !== 'focus' && (!all[0] || hasMeaning(all[0].profile, measure))).map((measure) => (
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
      <p class="note small">Each entry is a head (layer·head) and the mean share of its attention over the tokens of this unit. For “bracket’s partner”, the mean is over brackets. For “after the same token” (induction, Olsson et al. 2022), it is over tokens that occurred before.</p>
    </section>
  );
}

export function Glance({ maps, profiles, sides, shown }: { maps: (Maps | undefined)[]; profiles: (Profile[] | undefined)[]; sides: Sides; shown: [number[], number[]] }) {
  const { document: doc, state, theme, go } = useWorld();
  const [order, setOrder] = useState<Measure | 'layer'>('layer');
  const shape = shapeOf(doc, sides.look);
  const heads = maps.find((map) => map)?.heads ?? shape.heads;
  const all = profiles.flatMap((layer, at) => (layer ?? []).map((profile, head) => ({ layer: at, head, profile })));
  const focusable = profiles[state.layer]?.[state.head] !== undefined;
  return (
    <section class="card glance" aria-label="All heads at a glance">
      <div class="card-head">
        <h2>{shape.layers} layers × {heads} heads</h2>
        {doc.decoder && <Select label="Of" value={sides.look} options={LOOKS} onChange={(look) => go({ look, layer: 0, head: 0, token: -1, source: -1 })} />}
        <Select
          label="Order"
          value={order}
          options={[['layer', 'by layer'], ...measuresOf(sides.look !== 'x').filter((measure) => !all[0] || hasMeaning(all[0].profile, measure)).map((measure): [Measure, string] => [measure, MEASURE_TITLES[measure]])]}
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
          ? 'Each square is a head. A row is a token that looks, and a column is a token that it looks at.'
          : order === 'focus'
            ? 'Mean of 1 / (number of tokens that the attention is spread over).'
            : `Mean share of the attention that goes to: ${MEASURE_TITLES[order]}.`}
        {Math.max(shown[0].length, shown[1].length) > 30 && ' In a long text, a dot is the largest of several numbers.'}
        {order === 'layer' && focusable && ' Arrow keys move from head to head.'}
      </p>
    </section>
  );
}
