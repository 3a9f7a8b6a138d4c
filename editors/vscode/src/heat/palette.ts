/** The kinds of decoration that heat is drawn with. They are made once: a kind costs a style sheet in each window. */
import * as vscode from 'vscode';

export const LEVELS = 12;

/** The levels from which a word is marked at the scroll bar: about three times the average share, and four. */
const RULED = [11, 12];

export type HeatStyle = 'background' | 'underline';

export interface Palette extends vscode.Disposable {
  /** By level, from 1. */
  words: vscode.TextEditorDecorationType[];
  /** By level, from [`RULED`]'s first. */
  ruler: { level: number; type: vscode.TextEditorDecorationType }[];
  unread: vscode.TextEditorDecorationType;
}

export function palette(style: HeatStyle): Palette {
  const words = Array.from({ length: LEVELS }, (_, index) => vscode.window.createTextEditorDecorationType(look(style, index + 1)));
  const ruler = RULED.map((level) => ({
    level,
    type: vscode.window.createTextEditorDecorationType({
      overviewRulerColor: new vscode.ThemeColor(`fovea.overviewRuler${level}`),
      overviewRulerLane: vscode.OverviewRulerLane.Left,
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    }),
  }));
  const unread = vscode.window.createTextEditorDecorationType({
    borderWidth: '0 0 1px 0',
    borderStyle: 'dashed',
    borderColor: new vscode.ThemeColor('fovea.unreadBorder'),
    backgroundColor: new vscode.ThemeColor('fovea.unreadBackground'),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  const all = [...words, ...ruler.map((each) => each.type), unread];
  return { words, ruler, unread, dispose: () => all.forEach((type) => type.dispose()) };
}

/** Tints and lines only: the colour of the text belongs to the language. */
function look(style: HeatStyle, level: number): vscode.DecorationRenderOptions {
  const color = new vscode.ThemeColor(`fovea.heat${level}`);
  // Typing beside a word does not make it longer.
  const rangeBehavior = vscode.DecorationRangeBehavior.ClosedClosed;
  if (style === 'underline') {
    return { rangeBehavior, borderWidth: '0 0 3px 0', borderStyle: 'solid', borderColor: color };
  }
  const border = { borderWidth: '0 0 2px 0', borderStyle: 'solid', borderColor: new vscode.ThemeColor(`fovea.heatBorder${level}`) };
  return { rangeBehavior, backgroundColor: color, borderRadius: '2px', ...border };
}
