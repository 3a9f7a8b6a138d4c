// The page follows the editor that opened it: its text after an edit, and the unit at its cursor.
import { useEffect, useState } from 'preact/hooks';

import { carrier, type News } from './carrier';
import { ask, exported, forgetAll } from './data';

/** How often the text has changed since the page was opened, once the new text is there. */
export function useEdits(): number {
  const [edits, set] = useState(0);
  useEffect(() => {
    if (exported) {
      return;
    }
    let version: number | undefined;
    carrier.follow(async (news) => {
      const first = version === undefined;
      if (!first && version === news.version) {
        moved(news);
        return;
      }
      version = news.version;
      if (!first) {
        forgetAll();
        // The page is drawn anew when it can be drawn at once.
        const document = await ask<{ units: unknown[] }>('document').catch(() => undefined);
        await ask(`unit/${news.unit ?? 0}`).catch(() => {});
        if (document && version === news.version) {
          set((count) => count + 1);
        }
      }
      moved(news);
    });
  }, []);
  return edits;
}

let unit: number | null = null;
let listener: ((unit: number) => void) | undefined;

function moved(news: News) {
  if (news.unit !== null && news.unit !== unit) {
    unit = news.unit;
    listener?.(unit);
  }
}

/** Goes to the unit at the editor's cursor when the cursor comes into another one. */
export function useCursor(follows: boolean, go: (unit: number) => void) {
  useEffect(() => {
    if (!follows) {
      return;
    }
    listener = go;
    if (unit !== null) {
      go(unit);
    }
    return () => {
      listener = undefined;
    };
  }, [follows, go]);
}

let following = true;

/** Whether the page follows the cursor; an edit changes nothing of it. */
export function useFollows(): [boolean, (follows: boolean) => void] {
  const [follows, set] = useState(following);
  return [
    follows,
    (now) => {
      following = now;
      set(now);
    },
  ];
}
