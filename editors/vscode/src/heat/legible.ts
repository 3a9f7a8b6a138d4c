/**
 * Computes from the colors of the active theme how much brighter or darker text on heat must be to stay legible.
 *
 * This file does not use the editor's API, so that it can be tested separately.
 */

export type Color = readonly [red: number, green: number, blue: number];

/** The minimum contrast of text on heat: that of the Web Content Accessibility Guidelines for normal text. */
export const LEAST = 4.5;

/** The limits of the factor; stronger factors would wash out the colors. */
const MOST = { darker: 0.44, brighter: 2.2 };

/** Scopes of words that may have heat: names, comments, strings and numbers. */
const SCOPES = /^(comment|string|variable$|variable\.(?!language)|entity\.name\.(function|type|class|namespace)|support\.(function|class|type)|constant\.numeric)/;
/** Scopes of other things. */
const OTHERS = /css|tag|regexp|markup|link|embedded|escape/;

export interface ThemeFile {
  include?: string;
  colors?: Record<string, string>;
  tokenColors?: unknown;
}

export interface Rule {
  scope?: string | string[];
  settings?: { foreground?: string };
}

/** Parses the JSON of a theme, which may have comments and trailing commas. */
export function parsed(text: string): ThemeFile {
  const bare = text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[^]*?\*\//g, (_, string?: string) => string ?? '');
  return JSON.parse(bare.replace(/("(?:\\.|[^"\\])*")|,(\s*[}\]])/g, (_, string?: string, end?: string) => string ?? end ?? '')) as ThemeFile;
}

/** A theme merged with the one that it includes. */
export function merged(base: ThemeFile, theme: ThemeFile): ThemeFile {
  const rules = [base.tokenColors, theme.tokenColors].flatMap((each) => (Array.isArray(each) ? (each as Rule[]) : []));
  return { colors: { ...base.colors, ...theme.colors }, tokenColors: rules };
}

/**
 * The brightness factor for text on heat; 1 if every color of the theme is already legible.
 *
 * `tints`: the colors of the tones, `#rrggbbaa`.
 */
export function brightness(theme: ThemeFile, light: boolean, tints: string[]): number {
  const ground = color(theme.colors?.['editor.background'] ?? (light ? '#ffffff' : '#1e1e1e'), [0, 0, 0]);
  const plain = color(theme.colors?.['editor.foreground'] ?? (light ? '#333333' : '#bbbbbb'), ground);
  const grounds = tints.map((tint) => color(tint, ground));
  const rules = Array.isArray(theme.tokenColors) ? (theme.tokenColors as Rule[]) : [];
  const texts = rules.flatMap(({ scope, settings }) => {
    const scopes = (Array.isArray(scope) ? scope : (scope ?? '').split(',')).map((each) => each.trim());
    const counts = scopes.some((each) => SCOPES.test(each) && !OTHERS.test(each));
    return counts && /^#[\da-f]{3,8}$/i.test(settings?.foreground ?? '') ? [color(settings?.foreground ?? '', ground)] : [];
  });
  const legible = (text: Color, factor: number) => grounds.every((below) => contrast(scaled(text, factor), below) >= LEAST);
  // A color that no factor makes legible, such as dark red on black, is ignored.
  const reachable = [plain, ...texts].filter((text) => legible(text, light ? MOST.darker : MOST.brighter));
  const step = light ? -0.04 : 0.04;
  let factor = 1;
  while (!reachable.every((text) => legible(text, factor)) && factor + step >= MOST.darker && factor + step <= MOST.brighter) {
    factor += step;
  }
  return Number(factor.toFixed(2));
}

/** `#rgb`, `#rrggbb` or `#rrggbbaa` over a ground. */
function color(hex: string, ground: Color): Color {
  const digits = hex.slice(1);
  const long = digits.length < 6 ? [...digits].map((digit) => digit + digit).join('') : digits;
  const [red = 0, green = 0, blue = 0, alpha = 255] = (long.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
  const share = alpha / 255;
  const mix = (channel: number, below: number) => channel * share + below * (1 - share);
  return [mix(red, ground[0]), mix(green, ground[1]), mix(blue, ground[2])];
}

function scaled([red, green, blue]: Color, factor: number): Color {
  const clipped = (channel: number) => Math.min(255, channel * factor);
  return [clipped(red), clipped(green), clipped(blue)];
}

function luminance(channels: Color): number {
  const [red = 0, green = 0, blue = 0] = channels.map((channel) => {
    const share = channel / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: Color, other: Color): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
