/** The panel: shows what the extension tells it to. */
import type { Request, View } from '../panel/messages';
import { showExplanation } from './explanation';
import { showPair } from './pair';

declare function acquireVsCodeApi(): { postMessage(message: Request): void };

const editor = acquireVsCodeApi();
const send = (request: Request) => editor.postMessage(request);

window.addEventListener('message', (event: MessageEvent<View>) => {
  const view = document.getElementById('view');
  if (!view) {
    return;
  }
  view.replaceChildren();
  view.className = event.data.kind;
  if (event.data.kind === 'pair') {
    showPair(view, event.data, send);
  } else {
    showExplanation(view, event.data, send);
  }
  view.setAttribute('aria-busy', 'false');
});
send({ kind: 'ready' });
