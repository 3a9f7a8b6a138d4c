/** Colors of code for comments, strings, numbers and keywords. It is simple on purpose: no grammar, one pass. */

export type Kind = 'comment' | 'string' | 'number' | 'keyword';

/** A range of one kind, in characters. */
export interface Piece {
  start: number;
  end: number;
  kind: Kind;
}

/** Languages with comments that begin with a hash. */
const HASH = new Set(['python', 'ruby', 'shellscript', 'toml', 'yaml', 'perl', 'r', 'makefile', 'dockerfile', 'elixir', 'julia', 'coffeescript']);
/** Languages with comments that begin with two dashes. */
const DASHES = new Set(['lua', 'sql', 'haskell']);
/** Languages without code. */
const PROSE = new Set(['markdown', 'plaintext', 'restructuredtext', 'latex']);

/** Keywords of various languages. */
export const WORDS = new Set(
  (
    'abstract and as async await begin bool boolean break case catch char class const continue crate def default defer del do double elif else end ' +
    'enum except export extends extern false False final finally float fn for foreach from func function global go goto if impl implements import in ' +
    'include instanceof int interface is lambda let local long loop match mod module move mut namespace new nil None nonlocal not null None of or override ' +
    'package pass private protected pub public raise ref require return self Self short static struct super switch template then this throw throws trait ' +
    'true True try type typedef typeof undefined union unless unsafe unsigned until use using var virtual void when where while with yield'
  ).split(' '),
);

const STRINGS = String.raw`"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'|` + '`(?:\\\\.|[^`\\\\])*`?';

export function pieces(text: string, language: string): Piece[] {
  if (PROSE.has(language)) {
    return [];
  }
  const comments = HASH.has(language) ? '#[^\\n]*' : DASHES.has(language) ? '--[^\\n]*' : '//[^\\n]*|/\\*[^]*?(?:\\*/|$)';
  const php = language === 'php' ? '|#[^\\n\\[][^\\n]*' : '';
  const grammar = new RegExp(
    `(?<comment>${comments}${php})|(?<string>${STRINGS})|(?<number>(?<![\\w$])\\d[\\w.]*)|(?<keyword>(?<![\\w$.])[A-Za-z]+(?![\\w$]))`,
    'g',
  );
  const found: Piece[] = [];
  for (const match of text.matchAll(grammar)) {
    const kind = (['comment', 'string', 'number', 'keyword'] as const).find((each) => match.groups?.[each] !== undefined);
    if (kind && (kind !== 'keyword' || WORDS.has(match[0]))) {
      found.push({ start: match.index, end: match.index + match[0].length, kind });
    }
  }
  return found;
}
