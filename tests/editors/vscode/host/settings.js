// Tables with a test for the effect of each setting. (person/settings.mjs tests the settings of `client` on the screen.)
//
// With FOVEA_TEST_IGNORE, a regular expression, only matching settings are tested, but they are not set: each test must fail.
const assert = require('node:assert/strict');

const { effects: documents } = require('./effects/documents');
const { effects: answers } = require('./effects/answers');
const { effects: machine } = require('./effects/machine');
const { effects: program } = require('./effects/process');
const { having, servers, test } = require('./session');

const chosen = new RegExp(process.env.FOVEA_TEST_IGNORE ?? '');

async function all(effects, title) {
  for (const [setting, body] of Object.entries(effects).filter(([name]) => chosen.test(name))) {
    await test(title(setting), body, setting);
  }
}

exports.run = async () => {
  const [pid] = servers();
  const atOnce = (setting) => `fovea.${setting} takes effect at once`;
  await all(answers, atOnce);
  // The documents are short, and with the preset quiet, few of their words would have heat.
  await having('heat.preset', 'full', () => all({ ...documents, ...machine }, atOnce));
  await test('none of these settings restarts the server', async () => assert.deepEqual(servers(), [pid]));
  const { positionEncoding, 'highlight.attention': attention, ...others } = program;
  await having('heat.preset', 'full', () => all(others, (setting) => `fovea.${setting} takes effect`));
  await all({ 'highlight.attention': attention }, (setting) => `fovea.${setting} has no effect, since the extension draws these words itself`);
  await having('heat.preset', 'full', () =>
    all({ positionEncoding }, (setting) => `fovea.${setting} has no effect, since this editor has one encoding`),
  );
};
