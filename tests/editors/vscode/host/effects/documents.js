// Settings of which documents are analyzed: a document is inactive for a reason while the setting is in force, and active afterwards.
const { heat, having, open, reason, untitled, until, api } = require('../session');

const inactive = (name, value, wanted) => async () => {
  const { document } = await open('src/config.rs');
  await heat(document, (shown) => shown.words.length > 0);
  await having(name, value, async () => {
    await reason(wanted);
    await heat(document, (shown) => shown.words.length === 0);
  });
  await heat(document, (shown) => shown.words.length > 0);
  await until('an analyzed document', () => /^Fovea/.test(api().look().lines[0]));
};

exports.effects = {
  enable: inactive('enable', false, /not analyzed[^]*(off|disabled|enable)/i),
  languages: inactive('languages', ['python'], /not analyzed[^]*languages/),
  excludePatterns: inactive('excludePatterns', ['**/config.rs'], /not analyzed[^]*excludePatterns|not analyzed[^]*config\.rs/),
  maxFileBytes: inactive('maxFileBytes', 1000, /not analyzed[^]*1000|not analyzed[^]*maxFileBytes/),
  maxLineBytes: async () => {
    const { document } = await untitled(`# ${'words and words '.repeat(10)}`, 'python');
    await heat(document, (shown) => shown.words.length > 0);
    await having('maxLineBytes', 100, () => reason(/not analyzed/));
    await heat(document, (shown) => shown.words.length > 0);
  },
};
