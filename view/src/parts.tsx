// Small components that the panels share.
import { Component, type ComponentChildren, type ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { Answered } from './data';
import { diverging, num } from './numbers';
import { useSetting } from './state';

/** Milliseconds without a change after which the selection counts as resting. */
export const REST = 90;

/** A component that renders again only if one of its properties changes. It must not use the world, which changes often. */
export function still<P extends object>(Drawn: ComponentType<P>): ComponentType<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return (Object.keys(next) as (keyof P)[]).some((name) => name !== ('children' as keyof P) && next[name] !== this.props[name]);
    }

    override render() {
      return <Drawn {...this.props} />;
    }
  };
}

/** A note until an answer arrives, or the error instead of the answer. */
export function Wait({ of, what }: { of: Answered<unknown>[]; what: string }) {
  const error = of.find((answered) => answered.error)?.error;
  return error ? (
    <p class="note" role="alert">{error.message}</p>
  ) : (
    <p class="note" role="status">Computing {what} …</p>
  );
}

/** The numbers of a row as a strip of colors: blue below zero, orange above. */
export function Strip({ values, label, chosen, onChoose, height = 22 }: {
  values: ArrayLike<number>;
  label: string;
  chosen?: number | undefined;
  onChoose?: ((place: number) => void) | undefined;
  height?: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { theme } = useSetting();
  const [over, setOver] = useState<number | null>(null);
  const most = Math.max(1e-12, ...Array.from(values, Math.abs));
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) {
      return;
    }
    const image = context.createImageData(values.length, 1);
    for (let at = 0; at < values.length; at++) {
      const size = (values[at] as number) / most;
      const color = diverging(theme, Math.sign(size) * Math.abs(size) ** 0.7);
      image.data.set([...color, 255], 4 * at);
    }
    context.putImageData(image, 0, 0);
  }, [values, theme, most]);
  const place = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return Math.min(values.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * values.length)));
  };
  return (
    <div class="strip">
      <div
        class={onChoose ? 'strip-cells choosable' : 'strip-cells'}
        style={{ height: `${height}px` }}
        onMouseMove={(event) => setOver(place(event))}
        onMouseLeave={() => setOver(null)}
        onClick={(event) => onChoose?.(place(event))}
      >
        <canvas ref={canvas} width={values.length} height={1} role="img" aria-label={`${label}: ${values.length} numbers`} />
        {chosen !== undefined && chosen >= 0 && chosen < values.length && (
          <span class="strip-mark" style={{ left: `${(100 * (chosen + 0.5)) / values.length}%` }} />
        )}
      </div>
      <span class="strip-label">
        <span>{label}</span>
        <span class="num">
          {over === null
            ? `${values.length} numbers, largest ${num(most, 3)}`
            : `[${over}] = ${num(values[over] as number)}`}
        </span>
      </span>
    </div>
  );
}

/** A bar from the middle to the left or right, or from the left edge if no value is negative. */
export function Bar({ value, most, both = true }: { value: number; most: number; both?: boolean }) {
  const size = Math.min(1, Math.abs(value) / Math.max(most, 1e-12)) * (both ? 50 : 100);
  const left = both ? (value < 0 ? 50 - size : 50) : 0;
  return (
    <span class={both ? 'bar both' : 'bar'} aria-hidden="true">
      <span class={value < 0 ? 'below' : 'above'} style={{ left: `${left}%`, width: `${size}%` }} />
    </span>
  );
}

export function Select<T extends string | number>({ label, value, options, onChange }: {
  label: string;
  value: T;
  options: [T, string][];
  onChange: (value: T) => void;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={String(value)}
        onChange={(event) => {
          const found = options.find(([own]) => String(own) === event.currentTarget.value);
          if (found) {
            onChange(found[0]);
          }
        }}
      >
        {options.map(([own, title]) => (
          <option key={own} value={String(own)}>{title}</option>
        ))}
      </select>
    </label>
  );
}

/** Content that renders when the user opens it for the first time. */
export function More({ title, children, open = false }: { title: ComponentChildren; children: () => ComponentChildren; open?: boolean }) {
  const [opened, set] = useState(open);
  return (
    <details open={open} onToggle={(event) => event.currentTarget.open && set(true)}>
      <summary>{title}</summary>
      {opened && children()}
    </details>
  );
}

/** Terms and their sum. `made` is the model's own number, which may differ in the last digits. */
export function Terms({ caption, columns, rows, total, made, id }: {
  caption: string;
  columns: string[];
  rows: (string | number)[][];
  total: [string, number][];
  made?: number;
  id?: string;
}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="terms" data-sum={id}>
        <caption>{caption}</caption>
        <thead>
          <tr>{columns.map((column) => <th key={column} scope="col">{column}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) =>
                column === 0 ? <th key={column} scope="row">{cell}</th> : <td key={column}>{typeof cell === 'number' ? num(cell, 5) : cell}</td>,
              )}
            </tr>
          ))}
        </tbody>
        <tfoot>
          {total.map(([name, value]) => (
            <tr key={name}>
              <th scope="row" colSpan={columns.length - 1}>{name}</th>
              <td class="total">{num(value, 5)}</td>
            </tr>
          ))}
          {made !== undefined && (
            <tr>
              <th scope="row" colSpan={columns.length - 1}>the model’s own number</th>
              <td class="made">{num(made, 5)}</td>
            </tr>
          )}
        </tfoot>
      </table>
    </div>
  );
}

export function Formula({ children }: { children: ComponentChildren }) {
  return <p class="formula">{children}</p>;
}

/** Lets the browser save a file. */
export function save(name: string, type: string, content: string | Blob): void {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export function Save({ title, onSave }: { title: string; onSave: () => void }) {
  return <button type="button" class="quiet" onClick={onSave}>{title}</button>;
}
