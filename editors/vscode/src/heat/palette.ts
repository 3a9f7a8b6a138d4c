/** The decoration types of heat. They are created once, because each one costs a style sheet in every window. */
import * as vscode from 'vscode';

/** Levels that the server sends. */
export const LEVELS = 12;

/** Tones that are drawn. */
export const TONES = 3;

/** The lowest level of each tone: above average, about twice the average, three times and more. */
const FIRST_LEVELS = [1, 8, 10];

/** The minimum level of a mark in the overview ruler, if the user turned marks there on. */
export const RULER_LEVEL = 11;

export type HeatStyle = 'background' | 'underline';

export interface Palette extends vscode.Disposable {
  /** By tone, weakest first. */
  tones: vscode.TextEditorDecorationType[];
  ruler: vscode.TextEditorDecorationType;
  unread: vscode.TextEditorDecorationType;
}

/** The tone of a level, from 0. */
export function toneOf(level: number): number {
  return FIRST_LEVELS.findLastIndex((first) => level >= first);
}

/** `brightness`: the factor for text on a tone, if the theme's colors would be hard to read there. */
export function palette(style: HeatStyle, brightness: number): Palette {
  const tones = FIRST_LEVELS.map((_, tone) => vscode.window.createTextEditorDecorationType(look(style, tone, brightness)));
  const ruler = vscode.window.createTextEditorDecorationType({
    overviewRulerColor: new vscode.ThemeColor('fovea.overviewRuler'),
    overviewRulerLane: vscode.OverviewRulerLane.Left,
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  const unread = vscode.window.createTextEditorDecorationType({
    borderWidth: '0 0 1px 0',
    borderStyle: 'dashed',
    borderColor: new vscode.ThemeColor('fovea.unreadBorder'),
    backgroundColor: new vscode.ThemeColor('fovea.unreadBackground'),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  const all = [...tones, ruler, unread];
  return { tones, ruler, unread, dispose: () => all.forEach((type) => type.dispose()) };
}

function look(style: HeatStyle, tone: number, brightness: number): vscode.DecorationRenderOptions {
  const color = new vscode.ThemeColor(`fovea.heat${tone + 1}`);
  // Typing beside a word does not make it longer.
  const rangeBehavior = vscode.DecorationRangeBehavior.ClosedClosed;
  if (style === 'underline') {
    return { rangeBehavior, borderWidth: '0 0 2px 0', borderStyle: 'solid', borderColor: color };
  }
  // The text keeps the hue of its syntax. The API has no filter, but another declaration can follow in the same string.
  const text = brightness === 1 ? {} : { opacity: `1; filter: brightness(${brightness})` };
  return { rangeBehavior, backgroundColor: color, borderRadius: '3px', ...text };
}
