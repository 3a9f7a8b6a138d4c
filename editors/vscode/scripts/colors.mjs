// Writes the colours into package.json: the ramps of the twelve levels in the four kinds of themes, and the rest.
//
// A level's tint lets the text through: its opacity rises faster than the level, so that words of average share (level 4) stay quiet.
import { readFileSync, writeFileSync } from 'node:fs';

const LEVELS = 12;
const KINDS = ['light', 'dark', 'highContrast', 'highContrastLight'];
/** From the weakest to the strongest word: its colour, and how much of it at most. Text must stay legible on the strongest. */
const RAMPS = {
  light: { cold: [255, 192, 70], hot: [255, 124, 67], most: 0.36, power: 1.2 },
  dark: { cold: [214, 144, 40], hot: [235, 66, 14], most: 0.36, power: 1.2 },
  highContrast: { cold: [214, 144, 40], hot: [235, 66, 14], most: 0.32, power: 1.2 },
  highContrastLight: { cold: [255, 192, 70], hot: [255, 120, 60], most: 0.4, power: 1.2 },
};
/** A line below the hottest words says what the tint may not. */
const LINES = {
  light: { 10: '#e8590c60', 11: '#e8590ca0', 12: '#e03131e0' },
  dark: { 10: '#ff7a3070', 11: '#ff7a30b0', 12: '#ff6b35f0' },
  highContrast: { 9: '#ffb703', 10: '#ffb703', 11: '#ffb703', 12: '#ffb703' },
  highContrastLight: { 9: '#a61e00', 10: '#a61e00', 11: '#a61e00', 12: '#a61e00' },
};

const hex = (value) => Math.round(value).toString(16).padStart(2, '0');
const tint = ({ cold, hot, most, power }, level) => {
  const share = (level - 1) / (LEVELS - 1);
  const rgb = cold.map((channel, index) => hex(channel + (hot[index] - channel) * share));
  return `#${rgb.join('')}${hex(255 * most * (level / LEVELS) ** power)}`;
};
const color = (id, description, defaults) => ({ id, description, defaults });
const same = (light, dark) => ({ light, dark, highContrast: dark, highContrastLight: light });

const colors = [];
for (let level = 1; level <= LEVELS; level++) {
  const defaults = Object.fromEntries(KINDS.map((kind) => [kind, tint(RAMPS[kind], level)]));
  colors.push(color(`fovea.heat${level}`, `Behind words of heat ${level} of ${LEVELS}; 4 is a word of average share.`, defaults));
}
for (let level = 1; level <= LEVELS; level++) {
  const defaults = Object.fromEntries(KINDS.map((kind) => [kind, LINES[kind][level] ?? '#00000000']));
  colors.push(color(`fovea.heatBorder${level}`, `Below words of heat ${level} of ${LEVELS}.`, defaults));
}
colors.push(
  color('fovea.overviewRuler11', 'At the scroll bar, for lines with a word of heat 11.', same('#ff922bb0', '#e8590cb0')),
  color('fovea.overviewRuler12', 'At the scroll bar, for lines with a word of the greatest heat.', same('#f03e3ee0', '#ff6b35e0')),
  color('fovea.unreadBorder', 'Below text that the model cannot read.', same('#868e96', '#909296')),
  color('fovea.unreadBackground', 'Behind text that the model cannot read.', same('#868e9618', '#90929618')),
  color('fovea.foundBorder', 'Beside what a search shows, in themes whose tints are not seen.', {
    light: '#00000000',
    dark: '#00000000',
    highContrast: 'contrastActiveBorder',
    highContrastLight: 'contrastActiveBorder',
  }),
  color('fovea.share', 'In the panel: what a word carries.', same('#e8590c', '#ff7a30')),
  color('fovea.partner', 'In the panel: the partners of a word.', same('#1971c2', '#4dabf7')),
  color('fovea.against', 'In the panel: words that make passages less similar.', same('#9c36b5', '#da77f2')),
);

const file = new URL('../package.json', import.meta.url);
const manifest = JSON.parse(readFileSync(file, 'utf8'));
manifest.contributes.colors = colors;
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
