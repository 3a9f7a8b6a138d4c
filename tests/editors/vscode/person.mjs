// The extension as users see it, in a browser.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { developed } from './host.mjs';
import { beside } from './person/beside.mjs';
import { classes } from './person/classes.mjs';
import { finding } from './person/finding.mjs';
import { first } from './person/first.mjs';
import { long, steadiness, tints } from './person/heat.mjs';
import { looks } from './person/looks.mjs';
import { model } from './person/model.mjs';
import { clientSettings } from './person/settings.mjs';
import { similar } from './person/similar.mjs';
import { trust } from './person/trust.mjs';
import { virtual } from './person/virtual.mjs';
import { Window } from './window.mjs';

/** Runs only some tests, for work on them: `FOVEA_TEST_MATCH='flicker|scroll'`. */
const wanted = new RegExp(process.env.FOVEA_TEST_MATCH ?? '');
/** Runs only some groups: `FOVEA_TEST_GROUPS=trust,virtual`. */
const groups = { tints, similar, finding, classes, model, clientSettings, steadiness, beside, looks, first, trust, virtual };
const ALONE = [looks, first, trust, virtual];

export async function personTests(world, lines) {
  const chosen = process.env.FOVEA_TEST_GROUPS?.split(',').map((name) => groups[name]) ?? Object.values(groups);
  const test = (name, body, setting) => (wanted.test(name) ? lines.test(name, body, setting) : undefined);
  const folder = world.workspace('workspace');
  writeFileSync(join(folder, 'long.rs'), long());
  const development = await developed(world);
  const shots = world.pictures ?? join(world.scratch, 'pictures');
  mkdirSync(shots, { recursive: true });
  /** Opens a window; if a test fails, a picture of it is saved. */
  const open = async (address, options) => {
    const window = await Window.open(world, address, options);
    lines.onFailure(async (name) => {
      const path = join(shots, `failed-${name.replace(/\W+/g, '-').slice(0, 60)}.png`);
      await window.page.screenshot({ path }).catch(() => undefined);
      console.log(`        notifications: ${await window.notifications().catch(String)}`);
    });
    const shot = (name) => window.picture(join(shots, `${name}.png`));
    return { window, page: window.page, test, shot };
  };

  const together = chosen.filter((group) => !ALONE.includes(group));
  if (together.length > 0) {
    const seat = await open(world.server.address(folder, { development }));
    for (const group of together) {
      await group(seat);
    }
    await test('no page accessed the network', async () => assert.deepEqual(seat.window.strangers, []));
    await seat.window.close();
  }
  // These groups open their own windows.
  for (const group of chosen.filter((each) => ALONE.includes(each))) {
    await group({ world, development, folder, open, test });
  }
}
