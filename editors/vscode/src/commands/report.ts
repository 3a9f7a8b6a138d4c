/** A report for an issue: versions, state and the names of changed settings. It never contains text of documents or values of settings. */
import * as vscode from 'vscode';

import { type Core, done } from './core';

export async function copyReport(core: Core): Promise<void> {
  await vscode.env.clipboard.writeText(report(core));
  done('Report copied');
}

export function report(core: Core): string {
  const { life, status } = core.known();
  const about = core.context.extension.packageJSON as { version: string; contributes: Contributes };
  const index = status?.index;
  const rows: [string, string][] = [
    ['extension', about.version],
    ['server', `${core.server.version ?? 'unknown'}, ${life}`],
    ['editor', `${vscode.env.appName} ${vscode.version}, ${vscode.env.uiKind === vscode.UIKind.Web ? 'web' : 'desktop'}`],
    ['machine', `${process.platform}-${process.arch}, remote: ${vscode.env.remoteName ?? 'none'}`],
    ['workspace', `${(vscode.workspace.workspaceFolders ?? []).length} folders, ${vscode.workspace.isTrusted ? 'trusted' : 'not trusted'}`],
    ['state', status ? `${status.state}, ${status.health}` : 'none told'],
    ['model', status?.model ?? 'none'],
    ['method', `${status?.method ?? 'unknown'}, heat ${status?.heat ? 'on' : 'off'}`],
    ['index', index ? `${index.state}, ${index.items} items, ${index.refused.length} folders refused` : 'none'],
    ['not analyzed', `${status?.inactive.length ?? 0} open documents`],
    ['settings that differ', differing(about.contributes).join(', ') || 'none'],
  ];
  return ['Fovea report', '', ...rows.map(([name, value]) => `- ${name}: ${value}`), ''].join('\n');
}

interface Contributes {
  configuration: { properties: Record<string, unknown> }[];
}

function differing(contributes: Contributes): string[] {
  const names = contributes.configuration.flatMap((group) => Object.keys(group.properties));
  return names.filter((name) => {
    const found = vscode.workspace.getConfiguration().inspect(name);
    return [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue].some((value) => value !== undefined);
  });
}
