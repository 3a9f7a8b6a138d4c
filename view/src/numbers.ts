// Numbers as text and as colors.

/** A number with `digits` significant digits and a true minus sign. */
export function num(value: number, digits = 4): string {
  if (!Number.isFinite(value)) {
    return value < 0 ? '−∞' : String(value);
  }
  if (value === 0) {
    return '0';
  }
  const size = Math.abs(value);
  const text = size >= 1e-4 && size < 1e6 ? value.toPrecision(digits) : value.toExponential(digits - 1);
  return (text.includes('e') && size >= 1e-4 && size < 1e6 ? String(Number(text)) : text).replace('-', '−').replace('e−', 'e−');
}

/** A fraction as a percentage. */
export function percent(value: number, digits = 1): string {
  return `${(100 * value).toFixed(digits).replace('-', '−')} %`;
}

/** A rounded number with a prefix, such as 22.7 M. */
export function short(value: number): string {
  for (const [unit, size] of [['G', 1e9], ['M', 1e6], ['k', 1e3]] as const) {
    if (value >= size) {
      return `${(value / size).toFixed(value >= 100 * size ? 0 : 1)} ${unit}`;
    }
  }
  return String(value);
}

export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let at = 0; at < values.length; at++) {
    total += values[at] as number;
  }
  return total;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let at = 0; at < a.length; at++) {
    total += (a[at] as number) * (b[at] as number);
  }
  return total;
}

/** The positions of the values with the largest magnitudes, in descending order. */
export function largest(values: ArrayLike<number>, count: number): number[] {
  const places = Array.from(values, (_, at) => at);
  places.sort((a, b) => Math.abs(values[b] as number) - Math.abs(values[a] as number));
  return places.slice(0, count);
}

export type Color = [number, number, number];

const RAMPS: Record<'light' | 'dark', Color[]> = {
  light: [[255, 255, 255], [226, 219, 250], [163, 139, 233], [98, 62, 190], [43, 16, 104]],
  dark: [[26, 24, 34], [54, 42, 104], [110, 82, 206], [185, 158, 255], [248, 243, 255]],
};

/** The colors below and above zero, from zero outward. */
const SIDES: Record<'light' | 'dark', { below: Color[]; above: Color[] }> = {
  light: { below: [[247, 246, 250], [158, 196, 226], [33, 105, 165], [9, 48, 92]], above: [[247, 246, 250], [244, 190, 150], [207, 92, 30], [108, 36, 5]] },
  dark: { below: [[38, 36, 48], [38, 82, 122], [84, 160, 222], [196, 228, 255]], above: [[38, 36, 48], [124, 66, 30], [233, 135, 70], [255, 222, 194]] },
};

function along(stops: Color[], at: number): Color {
  const place = Math.min(Math.max(at, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const rest = place - low;
  const [a, b] = [stops[low] as Color, stops[low + 1] as Color];
  return [0, 1, 2].map((channel) => Math.round((a[channel] as number) + rest * ((b[channel] as number) - (a[channel] as number)))) as Color;
}

/** The color of a value from 0 to 1. The power 0.55 keeps small values visible. */
export function ramp(theme: 'light' | 'dark', value: number): Color {
  return along(RAMPS[theme], Math.max(value, 0) ** 0.55);
}

/** The color of a value from -1 to 1. */
export function diverging(theme: 'light' | 'dark', value: number): Color {
  const { below, above } = SIDES[theme];
  return value < 0 ? along(below, -value) : along(above, value);
}

export function css([r, g, b]: Color): string {
  return `rgb(${r} ${g} ${b})`;
}

/** Black or white, whichever is easier to read on a color. The contrast is at least 4.58 for every color. */
export function inkOn([r, g, b]: Color): string {
  const linear = (v: number) => (v / 255 <= 0.04 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  return light > 0.179 ? '#000' : '#fff';
}
