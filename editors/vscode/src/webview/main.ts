/** The script of the panel: shows the views that the extension sends. */
import type { Message, Request } from '../panel/messages';
import { showAnswer } from './answer';
import { showExplanation } from './explanation';
import { showLegend } from './legend';
import { Pair } from './pair';

declare function acquireVsCodeApi(): { postMessage(message: Request): void };

const editor = acquireVsCodeApi();
const send = (request: Request) => editor.postMessage(request);
let pair: Pair | undefined;

window.addEventListener('message', (event: MessageEvent<Message>) => {
  const message = event.data;
  if (message.kind === 'row') {
    if (pair?.view.turn === message.turn) {
      pair.take(message);
    }
    return;
  }
  const view = document.getElementById('view');
  if (!view) {
    return;
  }
  pair = undefined;
  view.replaceChildren();
  view.className = message.kind;
  if (message.kind === 'pair') {
    pair = new Pair(view, message, send);
  } else if (message.kind === 'answer') {
    showAnswer(view, message, send);
  } else if (message.kind === 'legend') {
    showLegend(view, message, send);
  } else {
    showExplanation(view, message, send);
  }
  view.setAttribute('aria-busy', 'false');
});
send({ kind: 'ready' });
