// Checks that every setting has a test: compares the manifest and the settings page with the tests.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export async function settingsTests({ root }, { test, settings }) {
  const manifest = JSON.parse(readFileSync(join(root, 'editors/vscode/package.json'), 'utf8'));
  const declared = manifest.contributes.configuration.flatMap((group) => Object.keys(group.properties));
  const told = [...readFileSync(join(root, 'docs/settings.md'), 'utf8').matchAll(/^\| `(fovea\.[\w.]+)`/gm)].map(([, name]) => name);
  const seen = new Set([...settings].map((name) => `fovea.${name}`));

  await test('every setting of the manifest has a test of its effect', () => {
    assert.ok(declared.length > 30, `${declared.length} settings`);
    assert.deepEqual(declared.filter((name) => !seen.has(name)), [], 'add them to the tables in host/effects or person/settings.mjs');
  });

  await test('every setting of the page has a test, and no test is about an unknown setting', () => {
    assert.ok(told.length > 20, `${told.length} settings`);
    assert.deepEqual(told.filter((name) => !seen.has(name)), []);
    assert.deepEqual([...seen].filter((name) => !declared.includes(name) && !told.includes(name)), []);
  });
}
