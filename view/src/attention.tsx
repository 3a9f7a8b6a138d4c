// The attention panel: all heads as small maps, one head as a matrix and as arcs over the text, and one pair with all its numbers.
import { useEffect, useMemo, useState } from 'preact/hooks';

import { Arcs } from './arcs';
import { Glance, Roles } from './glance';
import { type Maps, type Profile, profile, told } from './heads';
import { type Sides, strongest, useMaps, useShown, useSides } from './maps';
import { Matrix } from './matrix';
import { percent } from './numbers';
import { type Chosen, Pair } from './pair';
import { REST, Save, save, still, Wait } from './parts';
import { csv, useNumbers } from './saving';
import { lookingToken, nameOf, pieceOf, useWorld } from './state';

const known = new WeakMap<Maps, Profile[]>();

/** The profiles of the heads of a layer, computed once for each layer. */
function profilesOf(map: Maps, { from, to }: Sides): Profile[] {
  const found = known.get(map) ?? Array.from({ length: map.heads }, (_, head) => profile(map, head, from, to));
  known.set(map, found);
  return found;
}

/** True if the address names no head. The page then selects a head with a clear pattern. */
let untouched = !/[#&][lh]=/.test(location.hash);

function telling(profiles: Profile[][]): { layer: number; head: number } {
  const all = profiles.flatMap((heads, layer) => heads.map((own, head) => ({ layer, head, own })));
  const clear = ({ own }: { own: Profile }) => Math.max(own.next, 2 * own.same, 0.6 * own.previous);
  const { layer, head } = all.reduce((a, b) => (clear(b) > clear(a) ? b : a));
  return { layer, head };
}

/** The pair. It renders when the selection rests, because its sums take longer than the interval of a repeated key. */
function Rested(now: Chosen) {
  const [shown, set] = useState(now);
  useEffect(() => {
    const timer = setTimeout(() => set(now), REST);
    return () => clearTimeout(timer);
  }, [now.token, now.source]);
  const same = shown.sides === now.sides && shown.unit === now.unit && shown.layer === now.layer && shown.head === now.head;
  return <Drawn {...(same ? shown : now)} />;
}

const Drawn = still(Pair);

export function Attention() {
  const { state, go } = useWorld();
  const sides = useSides();
  const { maps, error } = useMaps(sides);
  const [rows, columns] = [useShown(sides?.from), useShown(sides?.to)];
  const profiles = useMemo(
    () => maps.map((map) => (map && sides ? profilesOf(map, sides) : undefined)),
    [maps, sides],
  );
  const map = maps[state.layer];
  useEffect(() => {
    if (untouched && profiles.length > 0 && profiles.every((layer) => layer)) {
      untouched = false;
      go(telling(profiles as Profile[][]));
    }
  }, [profiles]);
  const numbers = map && sides ? {
    name: `attention${sides.look && `-${sides.look}`}-${state.layer}-${state.head}`,
    rows: () => [['', ...sides.to.tokens.map((_, at) => pieceOf(sides.to, at))], ...sides.from.tokens.map((_, i) => [pieceOf(sides.from, i), ...map.row(state.head, i)])],
    json: () => ({ layer: state.layer, head: state.head, from: sides.from.tokens, to: sides.to.tokens, attention: sides.from.tokens.map((_, i) => map.row(state.head, i)) }),
  } : undefined;
  useNumbers(numbers);
  if (!sides) {
    return <Wait of={error ? [{ error }] : []} what="attention" />;
  }
  const own = profiles[state.layer]?.[state.head];
  const { from, to } = sides;
  const shown: [number[], number[]] = [rows, columns];
  const token = lookingToken(from, state);
  const source = state.source >= 0 && state.source < to.tokens.length ? state.source : map ? strongest(map, state.head, token) : 0;
  return (
    <div class="attention">
      <div class="attention-top">
        <div class="left">
          <Glance maps={maps} profiles={profiles} sides={sides} shown={shown} />
          <Roles profiles={profiles} />
        </div>
        <div class="left">
        <section class="card chosen-head" aria-label="The chosen head">
          <div class="card-head">
            <div>
              <h2>Layer {state.layer}, head {state.head}</h2>
              <p class="note small">
                {own ? `It ${told(own).words}.` : ' '}
                {own?.sink && own.sink.share > 0.15 && ` ${nameOf(to, own.sink.token)} receives ${percent(own.sink.share, 0)} of all attention.`}
              </p>
            </div>
            <div class="row">
              <label class="check">
                <input type="checkbox" checked={state.special} onChange={(event) => go({ special: event.currentTarget.checked })} />
                special tokens
              </label>
              <Save title="CSV" onSave={() => numbers && save(`${numbers.name}.csv`, 'text/csv', csv(numbers.rows()))} />
            </div>
          </div>
          {!state.special && own && (
            <p class="note small">Hidden special tokens take {percent(own.special)} of this head’s attention. The other shares are unchanged, so they do not sum to 1.</p>
          )}
          {map ? (
            <>
              <Arcs maps={map} sides={sides} shown={shown} />
              <Matrix maps={map} sides={sides} shown={shown} />
            </>
          ) : (
            <Wait of={error ? [{ error }] : []} what={`layer ${state.layer}`} />
          )}
        </section>
          {map && <Rested unit={state.unit} layer={state.layer} head={state.head} token={token} source={source} sides={sides} />}
        </div>
      </div>
      <p class="note">Attention shows what the model mixed. It does not show why the model decides as it does; for that, see Salience.</p>
    </div>
  );
}
