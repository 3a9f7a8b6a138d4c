/** The HTML of web views, which allow only the extension's script and style, and no network access. */
import { randomBytes } from 'node:crypto';

import * as vscode from 'vscode';

/** The parts of a page. */
export interface Parts {
  title: string;
  script: vscode.Uri;
  /** Whether the script is a module. */
  module?: boolean;
  style: vscode.Uri;
  body: string;
  /** Directives of the policy in addition to those for script and style. */
  policy?: string;
}

export function page(webview: vscode.Webview, { title, script, module, style, body, policy }: Parts): string {
  const nonce = randomBytes(24).toString('base64');
  const at = (uri: vscode.Uri) => webview.asWebviewUri(uri).toString();
  const directives = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    ...(policy ? [policy] : []),
    "form-action 'none'",
    "base-uri 'none'",
  ];
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${directives.join('; ')}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" nonce="${nonce}" href="${at(style)}">
<title>${escaped(title)}</title>
</head>
<body>
${body}
<script${module ? ' type="module"' : ''} nonce="${nonce}" src="${at(script)}"></script>
</body>
</html>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
