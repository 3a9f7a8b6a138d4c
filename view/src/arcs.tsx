// The text with arcs from the attending token to the tokens that it attends to.
//
// The tokens are rendered once, because rendering 512 buttons again takes three frames. While a key is held down, only colors and arcs
// change. Titles and labels for screen readers follow when the selection rests.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import type { UnitText } from './data';
import type { Maps } from './heads';
import type { Sides } from './maps';
import { largest, percent } from './numbers';
import { REST, still } from './parts';
import { lookingToken, nameOf, pieceOf, useWorld } from './state';

interface Place {
  x: number;
  top: number;
  bottom: number;
}

interface Arc {
  path: string;
  weight: number;
  to: number;
}

/** The tokens of a text as buttons. */
const Tokens = still(({ text, shown, kind, choose, hover }: {
  text: UnitText;
  shown: number[];
  /** `f` for attending tokens, `t` for attended tokens. */
  kind: 'f' | 't';
  choose: (token: number) => void;
  hover: (token: number | null) => void;
}) => (
  <>
    {shown.map((at) => {
      const gap = text.tokens[at]?.gap ?? '';
      // The text keeps the lines and the indentation of the document.
      const indent = gap.includes('\n') ? gap.length - gap.lastIndexOf('\n') - 1 : -1;
      return [
        indent >= 0 ? <br key={`b${at}`} /> : null,
        indent > 0 ? <span key={`i${at}`} class="indent" style={{ width: `${Math.min(indent, 24) * 0.55}em` }} /> : null,
        <button key={at} type="button" data-token={`${kind}${at}`} class={text.tokens[at]?.special ? 'token special' : 'token'} onMouseEnter={() => hover(at)} onFocus={() => hover(null)} onClick={() => choose(at)}>
          {pieceOf(text, at)}
        </button>,
        text.tokens[at]?.source.includes('\n') ? <br key={`a${at}`} /> : null,
      ];
    })}
  </>
));

/** Measures the positions of all tokens in the box. */
function measured(box: HTMLElement): Map<string, Place> {
  const own = box.getBoundingClientRect();
  const places = new Map<string, Place>();
  for (const button of box.querySelectorAll<HTMLElement>('[data-token]')) {
    const rect = button.getBoundingClientRect();
    const top = rect.top - own.top + box.scrollTop;
    places.set(button.dataset.token as string, { x: rect.left - own.left + rect.width / 2, top, bottom: top + rect.height });
  }
  return places;
}

function arcOf(from: Place, end: Place): string {
  const [x1, x2] = [from.x, end.x];
  const below = end.top > from.bottom;
  const above = end.bottom < from.top;
  const lift = Math.min(46, 12 + Math.abs(x2 - x1) * 0.16);
  // An arc to another line starts at the side of the word that faces that line, so that it crosses neither word.
  const [y1, y2] = [below ? from.bottom : from.top, above ? end.bottom : end.top];
  const half = (y1 + y2) / 2;
  return below || above
    ? `M${x1} ${y1}C${x1} ${half} ${x2} ${half} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1 + (x2 - x1) * 0.1} ${y1 - lift} ${x2 - (x2 - x1) * 0.1} ${y2 - lift} ${x2} ${y2}`;
}

export function Arcs({ maps, sides: { from, to }, shown: [rows, columns] }: { maps: Maps; sides: Sides; shown: [number[], number[]] }) {
  const { state, go } = useWorld();
  const flow = useRef<HTMLDivElement>(null);
  const buttons = useRef(new Map<string, HTMLElement>());
  const [layout, setLayout] = useState<{ width: number; height: number; places: Map<string, Place> }>({ width: 0, height: 0, places: new Map() });
  const [over, setOver] = useState<number | null>(null);
  const own = from === to;
  const token = over ?? lookingToken(from, state);
  const row = useMemo(() => maps.row(state.head, token), [maps, state.head, token]);
  const visible = useMemo(() => new Set(columns), [columns]);
  const most = Math.max(...columns.map((at) => row[at] as number), 1e-9);
  const looking = own ? `t${token}` : `f${token}`;
  // The handlers never change, so the tokens are not rendered again.
  const { current: hands } = useRef({
    choose: (at: number) => {
      setOver(null);
      go({ token: at, source: -1 });
    },
    source: (at: number) => go({ source: at }),
    hover: (at: number | null) => setOver(at),
    nothing: () => {},
  });
  useLayoutEffect(() => {
    const box = flow.current;
    if (!box) {
      return;
    }
    const measure = () => {
      buttons.current = new Map([...box.querySelectorAll<HTMLElement>('[data-token]')].map((button) => [button.dataset.token as string, button]));
      setLayout({ width: box.clientWidth, height: box.scrollHeight, places: measured(box) });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, [from, to, rows, columns]);
  // Colors change at once.
  useLayoutEffect(() => {
    for (const [name, button] of buttons.current) {
      const share = name.startsWith('t') ? (row[Number(name.slice(1))] ?? 0) : 0;
      const shade = `${Math.round(62 * Math.sqrt(share / most))}%`;
      if (button.dataset.shade !== shade) {
        button.dataset.shade = shade;
        button.style.setProperty('--share', shade);
      }
      if (button.classList.contains('looking') !== (name === looking)) {
        button.classList.toggle('looking', name === looking);
      }
    }
  }, [row, most, looking, layout]);
  // Titles and labels for screen readers change when the selection rests.
  useEffect(() => {
    const say = () => {
      for (const [name, button] of buttons.current) {
        const at = Number(name.slice(1));
        if (name.startsWith('t')) {
          button.title = `${nameOf(from, token)} → ${nameOf(to, at)}: ${percent(row[at] ?? 0, 2)}`;
          button.setAttribute('aria-label', `${nameOf(to, at)}, receives ${percent(row[at] ?? 0)} of the attention of ${nameOf(from, token)}`);
        } else {
          button.setAttribute('aria-label', `${nameOf(from, at)}, looks`);
        }
        button.setAttribute('aria-pressed', String(name === looking));
      }
      flow.current?.setAttribute('data-said', String(token));
    };
    const timer = setTimeout(say, REST);
    return () => clearTimeout(timer);
  }, [row, looking, layout]);
  const start = layout.places.get(looking);
  const arcs: Arc[] = [];
  if (start) {
    for (const end of largest(row, 14)) {
      const weight = row[end] as number;
      const place = layout.places.get(`t${end}`);
      if (weight >= 0.015 && !(own && end === token) && place && visible.has(end)) {
        arcs.push({ path: arcOf(start, place), weight, to: end });
      }
    }
  }
  return (
    <div class="arcs" ref={flow} onMouseLeave={() => setOver(null)}>
      <svg width={layout.width} height={layout.height} viewBox={`0 0 ${layout.width} ${layout.height}`} aria-hidden="true">
        {arcs.map((arc) => (
          <path key={arc.to} d={arc.path} style={{ strokeWidth: `${0.8 + 5 * arc.weight}px`, opacity: 0.35 + 0.65 * Math.min(1, arc.weight / most) }} />
        ))}
      </svg>
      {own ? (
        <Tokens text={to} shown={columns} kind="t" choose={hands.choose} hover={hands.hover} />
      ) : (
        <>
          <p class="note small side">The encoder’s text: the decoder looks at these tokens</p>
          <Tokens text={to} shown={columns} kind="t" choose={hands.source} hover={hands.nothing} />
          <p class="note small side">The decoder’s text: these tokens look</p>
          <Tokens text={from} shown={rows} kind="f" choose={hands.choose} hover={hands.hover} />
        </>
      )}
    </div>
  );
}
