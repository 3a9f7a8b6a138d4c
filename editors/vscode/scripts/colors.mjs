// Writes the colors into package.json, with their defaults for the four kinds of themes: colors.mjs
//
// Heat is violet because VS Code's themes use the other hues: red for errors, orange for matches, yellow for warnings, green and red for
// changes, blue for selections. On a dark background, violet changes the hue but hardly the brightness, so comments stay legible.
import { readFileSync, writeFileSync } from 'node:fs';

const color = (id, description, defaults) => ({ id, description, defaults });
const four = (light, dark, highContrast, highContrastLight) => ({ light, dark, highContrast, highContrastLight });
const two = (light, dark) => four(light, dark, dark, light);

const colors = [
  color('fovea.heat1', 'Behind words that tell more than the average.', four('#9e7dff24', '#6325a930', '#6325a970', '#9e7dff30')),
  color('fovea.heat2', 'Behind words that tell about twice as much.', four('#9e7dff3c', '#6325a954', '#6325a9a0', '#9e7dff4c')),
  color('fovea.heat3', 'Behind the most telling words.', four('#9e7dff58', '#6325a97c', '#6325a9d0', '#9e7dff6c')),
  color('fovea.overviewRuler', 'In the overview ruler, for lines with one of the most telling words.', two('#7c5cdb', '#8f6fe0')),
  color('fovea.drawsOn1', 'Around words that the word under the cursor draws on a little.', four('#7c5cdb70', '#b79cff60', '#d0bcff', '#5b3cc4')),
  color('fovea.drawsOn2', 'Around words that it draws on more.', four('#7c5cdba8', '#b79cff98', '#d0bcff', '#5b3cc4')),
  color('fovea.drawsOn3', 'Around words that it draws on most.', four('#6a45d6', '#b79cffe0', '#d0bcff', '#5b3cc4')),
  color('fovea.answer', 'Around the answer to a question.', four('#0b7285a8', '#22b8cf98', '#66d9e8', '#0b7285')),
  color('fovea.unreadBorder', 'Below text that the model cannot read.', two('#868e96', '#909296')),
  color('fovea.unreadBackground', 'Behind text that the model cannot read.', two('#868e9618', '#90929618')),
  color(
    'fovea.foundBorder',
    'Beside a result that a search shows, in themes that do not show tints.',
    four('#00000000', '#00000000', 'contrastActiveBorder', 'contrastActiveBorder'),
  ),
  color('fovea.share', 'In the panel: how telling a word is.', two('#7c5cdb', '#9775fa')),
  color('fovea.partner', 'In the panel: words that match the one you point at.', two('#0b7285', '#22b8cf')),
  color('fovea.against', 'In the panel: words that make the passages less similar.', two('#868e96', '#909296')),
];

const file = new URL('../package.json', import.meta.url);
const manifest = JSON.parse(readFileSync(file, 'utf8'));
manifest.contributes.colors = colors;
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
