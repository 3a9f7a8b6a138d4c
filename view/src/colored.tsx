// Text whose words are colored by a number: blue below zero, orange above.
import { css, diverging, inkOn } from './numbers';
import { useSetting } from './state';

export interface Run {
  text: string;
  word?: number | undefined;
}

/** The runs without the empty lines at the end of a unit. */
export function trimmed(runs: Run[]): Run[] {
  const last = runs.at(-1);
  return last && last.word === undefined ? [...runs.slice(0, -1), { text: last.text.trimEnd() }] : runs;
}

export function Colored({ runs, values, most, label, title, chosen, onChoose }: {
  runs: Run[];
  values: ArrayLike<number>;
  /** The value with the strongest color. */
  most: number;
  label: string;
  /** The tooltip of a word, from its number. */
  title: (run: Run, value: number) => string;
  chosen?: ((word: number) => boolean) | undefined;
  onChoose?: ((word: number) => void) | undefined;
}) {
  const { theme } = useSetting();
  return (
    <p class="text" aria-label={label} role="group" tabIndex={0}>
      {trimmed(runs).map((run, at) => {
        if (run.word === undefined) {
          return <span key={at}>{run.text}</span>;
        }
        const word = run.word;
        const value = values[word] ?? 0;
        const color = diverging(theme, Math.sign(value) * Math.sqrt(Math.min(1, Math.abs(value) / Math.max(most, 1e-12))));
        const style = { background: css(color), color: inkOn(color) };
        const on = chosen?.(word) ? 'on' : '';
        return onChoose ? (
          <button key={at} type="button" class={`word ${on}`} style={style} title={title(run, value)} aria-pressed={on !== ''} onClick={() => onChoose(word)}>{run.text}</button>
        ) : (
          <mark key={at} class={on} style={style} title={title(run, value)}>{run.text}</mark>
        );
      })}
    </p>
  );
}
