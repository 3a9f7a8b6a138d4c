// The settings of the extension that have an effect only on the screen. (All others are in host/effects.)
import assert from 'node:assert/strict';

import { until } from '../server.mjs';

export async function clientSettings({ window, page, test }) {
  const words = async () => (await window.lines()).flatMap((line) => line.words);
  const tinted = (word) => !/rgba\(0, 0, 0, 0\)/.test(word.background);
  const setting = (name, body) => test(`fovea.${name} takes effect on the screen at once`, body, name);

  await setting('client.heatFrom', async () => {
    await window.file('config.rs');
    await window.set({ 'fovea.heat.preset': 'full' });
    await window.heat((lines) => lines.flatMap((line) => line.words).length > 20);
    const all = (await words()).length;
    await window.set({ 'fovea.client.heatFrom': 11 });
    await until('fewer words', async () => {
      const count = (await words()).length;
      return count > 0 && count < all / 2;
    });
    await window.set({ 'fovea.client.heatFrom': null });
    await until('all words', async () => (await words()).length === all);
  });

  await setting('client.heatStyle', async () => {
    const all = (await words()).length;
    await window.set({ 'fovea.client.heatStyle': 'underline' });
    await until('lines below the words', async () => {
      const found = await words();
      return found.length === all && found.every((word) => word.border.startsWith('2px') && !tinted(word));
    });
    await window.set({ 'fovea.client.heatStyle': null });
    await until('tints', async () => (await words()).some(tinted));
  });

  await setting('client.overviewRuler', async () => {
    const marks = () =>
      page.evaluate(() => {
        const canvas = document.querySelector('.editor-group-container.active .decorationsOverviewRuler');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let violet = 0;
        for (let at = 0; at < data.length; at += 4) {
          violet += data[at + 3] > 100 && data[at + 2] > 180 && data[at + 1] < 130 ? 1 : 0;
        }
        return violet;
      });
    assert.equal(await marks(), 0, 'there are marks although the setting is off');
    await window.set({ 'fovea.client.overviewRuler': true });
    await until('marks at the scroll bar', async () => (await marks()) > 0);
    await window.set({ 'fovea.client.overviewRuler': null });
    await until('no marks', async () => (await marks()) === 0);
    await window.set({ 'fovea.heat.preset': null });
  });
}
