// The matrix of a head: a row for each attending token, a column for each attended token.
import { useEffect, useRef, useState } from 'preact/hooks';

import type { Maps } from './heads';
import { draw, type Sides, strongest } from './maps';
import { percent } from './numbers';
import { lookingToken, nameOf, pieceOf, useWorld } from './state';

/** Labels that are not rotated: single characters, and scripts that are written upright. */
const FLAT = /^.$|[\u3000-\u9fff\uac00-\ud7af]/u;

/** The matrix of a head. */
export function Matrix({ maps, sides: { from, to }, shown: [rows, columns] }: { maps: Maps; sides: Sides; shown: [number[], number[]] }) {
  const { state, go, theme } = useWorld();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [over, setOver] = useState<[number, number] | null>(null);
  useEffect(() => draw(canvas.current, maps, state.head, [rows, columns], theme), [maps, state.head, rows, columns, theme]);
  const [height, width] = [rows.length, columns.length];
  const token = lookingToken(from, state);
  const source = state.source >= 0 ? state.source : strongest(maps, state.head, token);
  const count = Math.max(height, width);
  const cell = count <= 12 ? 34 : count <= 20 ? 24 : count <= 32 ? 17 : 0;
  const place = (event: MouseEvent): [number, number] => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const at = (v: number, size: number, cells: number) => Math.min(cells - 1, Math.max(0, Math.floor((v / size) * cells)));
    return [at(event.clientY - box.top, box.height, height), at(event.clientX - box.left, box.width, width)];
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!step) {
      return;
    }
    event.preventDefault();
    const at = (shown: number[], place: number, by: number) => shown[Math.min(shown.length - 1, Math.max(0, shown.indexOf(place) + by))] ?? place;
    go({ token: at(rows, token, step[0] as number), source: at(columns, source, step[1] as number) });
  };
  const pair: [number, number] = over ? [rows[over[0]] as number, columns[over[1]] as number] : [token, source];
  const said = `${nameOf(from, pair[0])} → ${nameOf(to, pair[1])}: ${percent(maps.at(state.head, pair[0], pair[1]), 2)}`;
  const labels = cell > 0;
  const mark = (place: [number, number]) => ({
    left: `${(100 * place[1]) / width}%`,
    top: `${(100 * place[0]) / height}%`,
    width: `${100 / width}%`,
    height: `${100 / height}%`,
  });
  const chosen: [number, number] = [rows.indexOf(token), columns.indexOf(source)];
  return (
    <div class={labels ? 'map labels' : 'map'} style={{ '--wish': `${cell}px`, '--count': width, '--rows': height }}>
      {labels && <div class="map-top" aria-hidden="true">{columns.map((at) => <span key={at} class={FLAT.test(pieceOf(to, at)) ? 'flat' : ''}>{pieceOf(to, at)}</span>)}</div>}
      {labels && <div class="map-left" aria-hidden="true">{rows.map((at) => <span key={at} class={at === token ? 'on' : ''}>{pieceOf(from, at)}</span>)}</div>}
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
          go({ token: rows[y] as number, source: columns[x] as number });
        }}
        onKeyDown={move}
      >
        <canvas ref={canvas} aria-hidden="true" />
        {over && <span class="map-cross" style={{ top: `${(100 * over[0]) / height}%`, height: `${100 / height}%`, left: 0, width: '100%' }} />}
        {over && <span class="map-cross" style={{ left: `${(100 * over[1]) / width}%`, width: `${100 / width}%`, top: 0, height: '100%' }} />}
        {chosen[0] >= 0 && chosen[1] >= 0 && <span class="map-mark" style={mark(chosen)} />}
      </div>
      <p class="map-said num">{said}</p>
    </div>
  );
}
