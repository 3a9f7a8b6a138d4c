/** Reads the active color theme from its extension, because the API has no colors of text. */
import { posix } from 'node:path';

import * as vscode from 'vscode';

import { brightness, merged, parsed, type ThemeFile } from './legible';

/** The factors for themes that cannot be read, such as those of extensions in another process. */
const UNKNOWN = { light: 0.88, dark: 1.12 };

interface Contributed {
  id?: string;
  label: string;
  path: string;
}

interface Manifest {
  contributes?: { themes?: Contributed[]; colors?: { id: string; defaults: Record<string, string> }[] };
}

/** The brightness factor for text on heat in the active theme. */
export async function textBrightness(own: Manifest): Promise<number> {
  const { kind } = vscode.window.activeColorTheme;
  const light = kind === vscode.ColorThemeKind.Light || kind === vscode.ColorThemeKind.HighContrastLight;
  const theme = await activeTheme(kind).catch(() => undefined);
  return theme ? brightness(theme, light, tints(own, kind)) : UNKNOWN[light ? 'light' : 'dark'];
}

function tints(own: Manifest, kind: vscode.ColorThemeKind): string[] {
  const names = { 1: 'light', 2: 'dark', 3: 'highContrast', 4: 'highContrastLight' } as const;
  const heat = own.contributes?.colors?.filter(({ id }) => /^fovea\.heat\d$/.test(id)) ?? [];
  return heat.flatMap(({ defaults }) => defaults[names[kind]] ?? []);
}

async function activeTheme(kind: vscode.ColorThemeKind): Promise<ThemeFile | undefined> {
  const name = chosen(kind);
  for (const extension of vscode.extensions.all) {
    const themes = (extension.packageJSON as Manifest).contributes?.themes ?? [];
    // In older versions, the names begin with "Default".
    const found = themes.find((theme) => [theme.id, theme.label].some((each) => each === name || `Default ${each}` === name));
    if (found) {
      return read(extension.extensionUri, found.path);
    }
  }
  return undefined;
}

function chosen(kind: vscode.ColorThemeKind): string {
  const settings = vscode.workspace.getConfiguration();
  const follows = settings.get<boolean>('window.autoDetectColorScheme', false);
  const preferred = {
    1: 'workbench.preferredLightColorTheme',
    2: 'workbench.preferredDarkColorTheme',
    3: 'workbench.preferredHighContrastColorTheme',
    4: 'workbench.preferredHighContrastLightColorTheme',
  }[kind];
  return settings.get<string>(follows ? preferred : 'workbench.colorTheme', '');
}

async function read(root: vscode.Uri, path: string): Promise<ThemeFile> {
  const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(root, path));
  const theme = parsed(new TextDecoder().decode(bytes));
  return theme.include ? merged(await read(root, posix.join(posix.dirname(path), theme.include)), theme) : merged({}, theme);
}
