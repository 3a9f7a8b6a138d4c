// Tests of the page's speed and memory.
import { readFileSync } from 'node:fs';

const MOST = Number(process.env.FOVEA_VIEW_EDITS ?? 150);

/** Kilobytes of memory of a process. */
function resident(pid) {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
}

export function speed({ open, view, last, settled, check }) {
  return {
    async 'keys move through an attention matrix of 500 tokens, and the time of each is printed'() {
      const { page, close } = await open(await view('german.md'), { hash: '#p=attention&l=2&h=3&t=40&s=40' });
      await settled(page);
      const tokens = await page.locator('.arcs .token').count();
      const session = await page.context().newCDPSession(page);
      // This is the time of the page's thread: other programs may delay a frame.
      await session.send('Performance.enable', { timeDomain: 'threadTicks' });
      const worked = async () => (await session.send('Performance.getMetrics')).metrics.find((own) => own.name === 'TaskDuration').value * 1e3;
      const keys = (count) =>
        page.evaluate(async (count) => {
          const cells = document.querySelector('.map-cells');
          const out = [];
          let before = await new Promise(requestAnimationFrame);
          for (let at = 0; at < count; at++) {
            cells.dispatchEvent(new KeyboardEvent('keydown', { key: at % 3 === 0 ? 'ArrowRight' : 'ArrowDown', bubbles: true }));
            const now = await new Promise(requestAnimationFrame);
            out.push(now - before);
            before = now;
          }
          return out.sort((a, b) => a - b);
        }, count);
      await keys(30);
      const before = await worked();
      const frames = await keys(180);
      const each = ((await worked()) - before) / 180;
      const at = (share) => frames[Math.floor(share * (frames.length - 1))].toFixed(1);
      console.log(`     a key at ${tokens} tokens: ${each.toFixed(1)} ms of work, frames of ${at(0.5)} ms (median), ${at(0.95)} ms (95 %)`);
      check(tokens > 400, `only ${tokens} tokens`);
      // There is no limit, because it would fail on a busy machine; the line above is the measurement.
      await close();
    },

    async 'memory of page and program stays flat over many changes'() {
      const address = await view('bank.md');
      const { page, close } = await open(address, { hash: '#p=whatif' });
      await settled(page);
      const session = await page.context().newCDPSession(page);
      const heap = async () => {
        await session.send('HeapProfiler.collectGarbage');
        return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
      };
      const change = async (from, to) => {
        for (let at = from; at < to; at++) {
          // Each change differs: deleted words, replaced words and heads in turn.
          const edit = [`d${at % 18}`, `r${at % 18}.${Buffer.from(`word${at}`).toString('hex')}`, `h${at % 6}.${at % 12},d${at % 17}`][at % 3];
          await page.evaluate(async (edit) => {
            location.hash = `p=whatif&e=${edit}`;
            await new Promise((done) => setTimeout(done, 0));
          }, edit);
          await page.waitForFunction((edit) => document.querySelector('[data-edit]')?.getAttribute('data-edit') === edit, edit);
        }
      };
      const rounds = MOST;
      await change(0, rounds);
      const [first, program] = [await heap(), resident(last().pid)];
      await change(rounds, 2 * rounds);
      const [second, grown] = [await heap(), resident(last().pid)];
      console.log(`     ${rounds} more changes: page ${first.toFixed(1)} → ${second.toFixed(1)} MB, program ${(program / 1e3).toFixed(0)} → ${(grown / 1e3).toFixed(0)} MB`);
      check(second - first < 4, `the page grew from ${first} to ${second} MB`);
      check(grown - program < 12_000, `the program grew from ${program} to ${grown} kB`);
      await close();
    },
  };
}
