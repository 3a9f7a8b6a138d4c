// Who carries the questions of the page: the program over loopback, the extension that shows the page in a panel, or nobody, for a
// page that is one file.

/** What an editor tells a page that follows it. */
export interface News {
  number: number;
  version: number;
  /** The unit around the cursor. */
  unit: number | null;
}

/** An answer as it arrives: names and numbers, or 16-bit fractions. */
export type Carried = { json: unknown } | { fractions: Uint16Array };

export interface Carrier {
  ask(path: string): Promise<Carried>;
  /** Calls back with what the editor tells, for as long as the page is open. */
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
  /** VS Code gives it to the pages that it shows. */
  var acquireVsCodeApi: undefined | (() => Panel);
}

type FromPanel = { id: number; json?: unknown; base64?: string; error?: string } | { news: News };

/** The extension answers each message with one of the same number. */
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

/** Milliseconds before a page asks again whose program did not answer. */
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
      // A program that has ended will not come back to this address.
      if (!answer) {
        return;
      }
      if (answer.status === 200) {
        const news: News | null = await answer.json();
        // A program that shows one text has nothing to tell.
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
