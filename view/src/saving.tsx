// Saves each panel as a picture (PNG, SVG) and as numbers (CSV, JSON).
import { useEffect } from 'preact/hooks';

import { save } from './parts';

/** The numbers of a panel: a file name, the rows of a table, and a value for JSON. */
export interface Numbers {
  name: string;
  rows: () => (string | number | null)[][];
  json: () => unknown;
}

let current: Numbers | undefined;

/** Registers the numbers to save while a panel is shown. */
export function useNumbers(numbers: Numbers | undefined): void {
  useEffect(() => {
    current = numbers;
    return () => {
      current = undefined;
    };
  });
}

/** Rows as CSV (RFC 4180). */
export function csv(rows: (string | number | null)[][]): string {
  const cell = (value: string | number | null) => (typeof value === 'number' ? String(Number(value.toPrecision(7))) : value === null ? '' : `"${value.replace(/"/g, '""')}"`);
  return `${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** The style sheets of the page as text. */
function styles(): string {
  return [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText)).join('\n');
}

/** Escapes text for XML. */
const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

/**
 * The panel as XML, with images in place of canvases and text in place of fields.
 *
 * The function edits the XML as text, because a copy of the elements would have inline styles, which the policy of the page forbids.
 */
function written(panel: HTMLElement): string {
  const canvases = [...panel.querySelectorAll('canvas')];
  const selects = [...panel.querySelectorAll('select')];
  const inputs = [...panel.querySelectorAll('input')];
  return new XMLSerializer()
    .serializeToString(panel)
    .replace(/<canvas[^>]*?(?:\/>|>[^<]*<\/canvas>)/g, () => {
      const canvas = canvases.shift();
      return canvas ? `<img alt="" src="${canvas.toDataURL()}" style="width:100%;height:100%;display:block;image-rendering:pixelated"/>` : '';
    })
    .replace(/<select[\s\S]*?<\/select>/g, () => `<b>${escaped(selects.shift()?.selectedOptions[0]?.text ?? '')}</b>`)
    .replace(/<input[^>]*?\/>/g, () => {
      const input = inputs.shift();
      return `<b>${input?.type === 'checkbox' ? (input.checked ? '☑' : '☐') : escaped(input?.value ?? '')}</b>`;
    });
}

/** The panel as an SVG, which browsers show as on the page. */
export function drawing(): { svg: string; width: number; height: number } | undefined {
  const panel = document.getElementById('panel');
  if (!panel) {
    return undefined;
  }
  const theme = document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light';
  const [width, height] = [panel.clientWidth + 32, panel.scrollHeight + 32];
  const sheet = escaped(styles().replaceAll(':root', '.picture'));
  const inside = `<div xmlns="http://www.w3.org/1999/xhtml" class="picture" style="color-scheme:${theme};width:${width}px;padding:16px;font:15px/1.5 system-ui,sans-serif"><style>${sheet}</style>${written(panel)}</div>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><foreignObject width="100%" height="100%">${inside}</foreignObject></svg>`;
  return { svg, width, height };
}

/** Maximum width and height of a picture in pixels, because browsers limit the size of canvases. */
const LARGEST = 8000;

async function png(name: string): Promise<void> {
  const found = drawing();
  if (!found) {
    return;
  }
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(found.svg)}`;
  await image.decode();
  const scale = Math.min(2, LARGEST / Math.max(found.width, found.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(found.width * scale);
  canvas.height = Math.round(found.height * scale);
  const context = canvas.getContext('2d');
  if (context) {
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => blob && save(`${name}.png`, 'image/png', blob), 'image/png');
  }
}

export function Saves({ panel }: { panel: string }) {
  const numbers = (write: (numbers: Numbers) => void) => () => current && write(current);
  const name = () => current?.name ?? panel;
  return (
    <p class="saves" role="group" aria-label="Save this panel">
      <span class="note small">Save this panel:</span>
      <button type="button" class="quiet" onClick={() => png(name())}>as PNG</button>
      <button type="button" class="quiet" onClick={() => save(`${name()}.svg`, 'image/svg+xml', drawing()?.svg ?? '')}>as SVG</button>
      <button type="button" class="quiet" onClick={numbers((own) => save(`${own.name}.csv`, 'text/csv', csv(own.rows())))}>as CSV</button>
      <button type="button" class="quiet" onClick={numbers((own) => save(`${own.name}.json`, 'application/json', JSON.stringify(own.json(), null, 1)))}>as JSON</button>
    </p>
  );
}
