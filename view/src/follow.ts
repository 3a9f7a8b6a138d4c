// Follows the editor that opened the page: shows the text after each edit, and goes to the unit at the cursor.
import { useEffect, useState } from 'preact/hooks';

import { carrier, type News } from './carrier';
import { ask, exported, forgetAll } from './data';

/** The number of edits since the page was opened. An edit counts once the new text has arrived. */
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
        // The page renders again only after these answers have arrived, so that it is never empty.
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

/** Goes to the unit at the editor's cursor whenever the cursor enters another unit. */
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

/** Whether the page follows the cursor. The choice survives edits. */
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
