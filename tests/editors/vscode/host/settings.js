// Each setting has an effect: one table from its name to a test. (That of `client` on the screen is in person/settings.mjs.)
//
// With FOVEA_TEST_IGNORE, a regular expression, only settings that match are tested, and are not set in truth: each test has to fail.
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
  // Their documents are short, and few of their words would be told otherwise.
  await having('heat.preset', 'full', () => all({ ...documents, ...machine }, atOnce));
  await test('none of these has restarted the server', async () => assert.deepEqual(servers(), [pid]));
  const { positionEncoding, 'highlight.attention': attention, ...others } = program;
  await having('heat.preset', 'full', () => all(others, (setting) => `fovea.${setting} takes effect`));
  await all({ 'highlight.attention': attention }, (setting) => `fovea.${setting} changes nothing, since the extension draws these words itself`);
  await having('heat.preset', 'full', () =>
    all({ positionEncoding }, (setting) => `fovea.${setting} changes nothing, since this editor has one encoding`),
  );
};
