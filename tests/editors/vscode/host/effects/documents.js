// Settings that say which documents are analysed: each is inactive for a reason while the setting is there, and then is not any more.
const { heat, having, open, reason, untitled, until, api } = require('../session');

const inactive = (name, value, wanted) => async () => {
  const { document } = await open('src/config.rs');
  await heat(document, (shown) => shown.words.length > 0);
  await having(name, value, async () => {
    await reason(wanted);
    await heat(document, (shown) => shown.words.length === 0);
  });
  await heat(document, (shown) => shown.words.length > 0);
  await until('an analysed document', () => /^Fovea/.test(api().look().lines[0]));
};

exports.effects = {
  enable: inactive('enable', false, /not analysed[^]*(off|disabled|enable)/i),
  languages: inactive('languages', ['python'], /not analysed[^]*languages/),
  excludePatterns: inactive('excludePatterns', ['**/config.rs'], /not analysed[^]*excludePatterns|not analysed[^]*config\.rs/),
  maxFileBytes: inactive('maxFileBytes', 1000, /not analysed[^]*1000|not analysed[^]*maxFileBytes/),
  maxLineBytes: async () => {
    const { document } = await untitled(`# ${'words and words '.repeat(10)}`, 'python');
    await heat(document, (shown) => shown.words.length > 0);
    await having('maxLineBytes', 100, () => reason(/not analysed/));
    await heat(document, (shown) => shown.words.length > 0);
  },
};
