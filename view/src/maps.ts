// Attention maps of a unit: the texts that they connect, how they load, and how they are drawn.
import { useEffect, useMemo, useState } from 'preact/hooks';

import { ask, type Document, type UnitText } from './data';
import { Maps } from './heads';
import { ramp } from './numbers';
import { type Look, useWorld } from './state';

/** The attending and the attended text. They are the same text, unless a decoder attends to the text of the encoder. */
export interface Sides {
  look: Look;
  from: UnitText;
  to: UnitText;
  /** The part of a path that stands for these sides. */
  part: string;
}

export const LOOKS: [Look, string][] = [['', 'the encoder'], ['d', 'the decoder'], ['x', 'the decoder, looking at the encoder']];

const texts = new WeakMap<UnitText, UnitText>();

/** The text of the decoder, in the form of a unit. */
export function writtenOf(text: UnitText): UnitText {
  const found = texts.get(text) ?? { ...text, tokens: text.written };
  texts.set(text, found);
  return found;
}

/** The selected sides; undefined until the unit has arrived. */
export function useSides(): Sides | undefined {
  const { document: doc, text, state } = useWorld();
  const look = doc.decoder ? state.look : '';
  return useMemo(() => {
    if (!text || text.unit !== state.unit) {
      return undefined;
    }
    return { look, from: look ? writtenOf(text) : text, to: look === 'd' ? writtenOf(text) : text, part: look ? `/${look}` : '' };
  }, [text, state.unit, look]);
}

/** The numbers of layers and heads that are selected. */
export function shapeOf(doc: Document, look: Look): { layers: number; heads: number } {
  return look && doc.decoder ? doc.decoder : { layers: doc.model.layers, heads: doc.model.heads };
}

/** The maps of all layers; each is undefined until it has arrived. */
export function useMaps(sides: Sides | undefined): { maps: (Maps | undefined)[]; error: Error | undefined } {
  const { document: doc, state } = useWorld();
  const [found, set] = useState<{ of?: Sides; maps: (Maps | undefined)[]; error?: Error }>({ maps: [] });
  useEffect(() => {
    if (!sides) {
      return;
    }
    let live = true;
    const { layers } = shapeOf(doc, sides.look);
    const [n, m] = [sides.from.tokens.length, sides.to.tokens.length];
    set({ of: sides, maps: Array.from({ length: layers }) });
    (async () => {
      for (let layer = 0; layer < layers && live; layer++) {
        try {
          const values = await ask<Uint16Array>(`attention/${state.unit}${sides.part}/${layer}`);
          const made = new Maps(values, values.length / Math.max(n * m, 1), n, m);
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
  }, [sides]);
  return { maps: found.of === sides ? found.maps : [], error: found.error };
}

/** The positions of the tokens that are shown. */
export function useShown(text: UnitText | undefined): number[] {
  const { state } = useWorld();
  return useMemo(() => {
    const all = text?.tokens.map((_, at) => at) ?? [];
    return state.special ? all : all.filter((at) => !text?.tokens[at]?.special);
  }, [text, state.special]);
}

/** Draws a map with at most `cells` rows and columns. A cell has the largest of its values, so a line of one token stays visible. */
export function draw(canvas: HTMLCanvasElement | null, maps: Maps, head: number, [rows, columns]: [number[], number[]], theme: 'light' | 'dark', cells = Infinity) {
  const context = canvas?.getContext('2d');
  if (!canvas || !context || rows.length === 0 || columns.length === 0) {
    return;
  }
  const [height, width] = [Math.min(cells, rows.length), Math.min(cells, columns.length)];
  const values = new Uint16Array(height * width);
  const place = columns.map((_, at) => Math.floor((at * width) / columns.length));
  rows.forEach((i, y) => {
    const row = (head * maps.n + i) * maps.m;
    const out = Math.floor((y * height) / rows.length) * width;
    for (let x = 0; x < columns.length; x++) {
      const value = maps.values[row + (columns[x] as number)] as number;
      const at = out + (place[x] as number);
      if (value > (values[at] as number)) {
        values[at] = value;
      }
    }
  });
  canvas.width = width;
  canvas.height = height;
  const image = context.createImageData(width, height);
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

/** The token that receives most attention from a token, possibly the token itself. */
export function strongest(maps: Maps, head: number, token: number): number {
  let most = 0;
  for (let j = 1; j < maps.m; j++) {
    most = maps.at(head, token, j) > maps.at(head, token, most) ? j : most;
  }
  return most;
}
