// Carriers send the questions of the page: to the program over loopback, or to the VS Code extension that shows the page in a panel. An
// exported page needs no carrier, because it contains its answers.

/** A message from the editor to a page that follows it. */
export interface News {
  number: number;
  version: number;
  /** The unit at the cursor. */
  unit: number | null;
}

/** An answer as it arrives: JSON, or fractions as 16-bit integers. */
export type Carried = { json: unknown } | { fractions: Uint16Array };

export interface Carrier {
  ask(path: string): Promise<Carried>;
  /** Calls `told` with each message of the editor, as long as the page is open. */
  follow(told: (news: News) => void): void;
}

export function bytes(base64: string): Uint8Array {
  const text = atob(base64);
  const out = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    out[at] = text.charCodeAt(at);
  }
  return out;
}

interface Panel {
  postMessage(message: unknown): void;
}

declare global {
  /** VS Code defines this function in the pages that it shows. */
  var acquireVsCodeApi: undefined | (() => Panel);
}

type FromPanel = { id: number; json?: unknown; base64?: string; error?: string } | { news: News };

/** A carrier over messages. The extension answers each message with a message that has the same `id`. */
function ofPanel(panel: Panel): Carrier {
  const waiting = new Map<number, { resolve: (answer: Carried) => void; reject: (error: Error) => void }>();
  const listeners: ((news: News) => void)[] = [];
  let last = 0;
  addEventListener('message', ({ data }: MessageEvent<FromPanel>) => {
    if ('news' in data) {
      for (const told of listeners) {
        told(data.news);
      }
      return;
    }
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error !== undefined) {
      asked?.reject(new Error(data.error));
    } else if (data.base64 !== undefined) {
      asked?.resolve({ fractions: new Uint16Array(bytes(data.base64).buffer) });
    } else {
      asked?.resolve({ json: data.json });
    }
  });
  return {
    ask: (path) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        panel.postMessage({ id: last, path });
      }),
    follow: (told) => {
      listeners.push(told);
      panel.postMessage({ follow: true });
    },
  };
}

/** Milliseconds before the page asks again after an error. */
const AGAIN = 1000;

const loopback: Carrier = {
  async ask(path) {
    const answer = await fetch(`api/${path}`).catch(() => {
      throw new Error('The program behind this page has ended. Open the page again from the editor, or with `fovea view`.');
    });
    if (!answer.ok) {
      throw new Error((await answer.text()).trim());
    }
    return answer.headers.get('content-type') === 'application/octet-stream' ? { fractions: new Uint16Array(await answer.arrayBuffer()) } : { json: await answer.json() };
  },
  async follow(told) {
    let number = 0;
    for (;;) {
      const answer = await fetch(`api/after/${number}`).catch(() => undefined);
      // The program has ended, and a new one has another address.
      if (!answer) {
        return;
      }
      if (answer.status === 200) {
        const news: News | null = await answer.json();
        // The program follows no editor, so no message will come.
        if (!news) {
          return;
        }
        number = news.number;
        told(news);
      } else if (!answer.ok) {
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    }
  },
};

export const carrier: Carrier = typeof acquireVsCodeApi === 'function' ? ofPanel(acquireVsCodeApi()) : loopback;
