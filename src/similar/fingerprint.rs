//! A fingerprint of an item's source text, which detects copies without the text.
//!
//! A small lexer splits the text into tokens; it knows the comments and strings of each language, but not its grammar. Runs of [`RUN`]
//! tokens are hashed twice: once with every identifier and literal replaced by a placeholder, so that a renamed copy has the same runs, and
//! once unchanged. A sketch keeps the smallest hashes of each set (bottom-k). Two sketches estimate the overlap of two texts, and are exact
//! for items of up to about 64 tokens.

mod join;
mod lexer;

pub use join::overlapping;

pub use lexer::is_keyword;
use lexer::{Kind, Token};

use crate::text::Language;

/// Tokens in a run. Different texts share shorter runs by chance, and longer runs miss small changes.
const RUN: usize = 5;

/// Words in a run of prose.
const PROSE_RUN: usize = 3;

/// Number of hashes kept of the runs without names.
const RENAMED: usize = 64;

/// Number of hashes kept of the unchanged runs.
const EXACT: usize = 48;

/// Number of used names kept per item.
const USES: usize = 32;

/// Version of the byte format.
const VERSION: u8 = 1;

/// Bytes before the hashes.
const HEAD: usize = 18;

/// The hashed content of an item's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    lines: u16,
    tokens: u32,
    renamed: Sketch,
    exact: Sketch,
    uses: Box<[u32]>,
}

/// The smallest hashes of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sketch {
    /// Number of elements of the set.
    count: u32,
    /// Ascending; all hashes if the set is small.
    hashes: Box<[u32]>,
}

impl Fingerprint {
    /// The fingerprint of an item's text.
    pub fn of(text: &str, language: Language) -> Fingerprint {
        let tokens = lexer::tokens(text, language);
        let run = if language.is_code() { RUN } else { PROSE_RUN };
        let exact = tokens.iter().map(|token| hash(token.text.as_bytes()));
        let exact: Vec<u64> = exact.collect();
        let renamed = match language.is_code() {
            true => tokens.iter().zip(&exact).map(|(token, own)| match token.kind {
                Kind::Name => NAME,
                Kind::Literal => LITERAL,
                Kind::Keyword | Kind::Operator => *own,
            }),
            // Prose has no names to replace.
            false => return Fingerprint::assemble(&tokens, Sketch::of(&exact, run, RENAMED), &exact, run, &[]),
        };
        let renamed: Vec<u64> = renamed.collect();
        let uses = uses(&tokens, language);
        Fingerprint::assemble(&tokens, Sketch::of(&renamed, run, RENAMED), &exact, run, &uses)
    }

    fn assemble(tokens: &[Token], renamed: Sketch, exact: &[u64], run: usize, uses: &[u32]) -> Fingerprint {
        let mut lines = 0u16;
        let mut last = None;
        for token in tokens {
            if last != Some(token.line) {
                lines = lines.saturating_add(1);
                last = Some(token.line);
            }
        }
        Fingerprint {
            lines,
            tokens: u32::try_from(tokens.len()).unwrap_or(u32::MAX),
            renamed,
            exact: Sketch::of(exact, run, EXACT),
            uses: uses.into(),
        }
    }

    /// Number of lines on which a token begins. Comments, documentation and blank lines do not count.
    pub fn lines(&self) -> u32 {
        self.lines.into()
    }

    /// The number of tokens.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    /// Whether there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// Overlap without names and literals: the Jaccard index of the runs, from 0 to 1.
    pub fn overlap(&self, other: &Fingerprint) -> f32 {
        self.renamed.jaccard(&other.renamed)
    }

    /// Overlap including names and literals, from 0 to 1.
    pub fn exact_overlap(&self, other: &Fingerprint) -> f32 {
        self.exact.jaccard(&other.exact)
    }

    /// Share of the shorter text that the longer one contains, from 0 to 1. Names and literals do not count.
    pub fn containment(&self, other: &Fingerprint) -> f32 {
        self.renamed.containment(&other.renamed)
    }

    /// Whether the text calls this name or has it on its first line. A class has its base there.
    pub fn uses(&self, name: &str) -> bool {
        self.uses.binary_search(&name_hash(name)).is_ok()
    }

    /// Serializes it for an index; at most 600 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let parts = [&self.renamed.hashes, &self.exact.hashes, &self.uses];
        bytes.extend(self.lines.to_le_bytes());
        for number in [self.tokens, self.renamed.count, self.exact.count] {
            bytes.extend(number.to_le_bytes());
        }
        // No part is longer than its constant, so its length fits one byte.
        bytes.extend(parts.map(|part| part.len() as u8));
        bytes.extend(parts.into_iter().flatten().flat_map(|hash| hash.to_le_bytes()));
        bytes
    }

    /// Reads the bytes of [`Fingerprint::to_bytes`]; `None` for anything else, such as an older version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Fingerprint> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
        if head[0] != VERSION || rest.len() % 4 != 0 {
            return None;
        }
        let mut hashes = rest
            .chunks_exact(4)
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        let lengths = [head[15], head[16], head[17]].map(usize::from);
        if lengths.iter().sum::<usize>() * 4 != rest.len() {
            return None;
        }
        let [renamed, exact, uses] = lengths.map(|length| hashes.by_ref().take(length).collect::<Box<[u32]>>());
        Some(Fingerprint {
            lines: u16::from_le_bytes([head[1], head[2]]),
            tokens: number(3)?,
            renamed: Sketch {
                count: number(7)?,
                hashes: renamed,
            },
            exact: Sketch {
                count: number(11)?,
                hashes: exact,
            },
            uses,
        })
    }
}

impl Sketch {
    /// The sketch of all token runs, given the hashes of the tokens. Fewer tokens than `run` make one run.
    fn of(tokens: &[u64], run: usize, keep: usize) -> Sketch {
        let window = run.min(tokens.len()).max(1);
        let mixed = tokens.windows(window).map(|run| {
            let sum = run.iter().fold(run.len() as u64, |sum, token| mix(sum ^ token));
            (sum >> 32) as u32
        });
        let mut hashes: Vec<u32> = mixed.collect();
        hashes.sort_unstable();
        hashes.dedup();
        let count = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
        hashes.truncate(keep);
        Sketch {
            count,
            hashes: hashes.into(),
        }
    }

    fn complete(&self) -> bool {
        self.hashes.len() == self.count as usize
    }

    /// Estimates the Jaccard index: shared elements among the smallest of the union.
    fn jaccard(&self, other: &Sketch) -> f32 {
        let bound = |sketch: &Sketch| {
            if sketch.complete() {
                usize::MAX
            } else {
                sketch.hashes.len()
            }
        };
        let most = bound(self).min(bound(other));
        let (mut a, mut b) = (self.hashes.iter().peekable(), other.hashes.iter().peekable());
        let (mut all, mut shared) = (0usize, 0usize);
        while all < most {
            match (a.peek(), b.peek()) {
                (Some(x), Some(y)) => {
                    let (x, y) = (**x, **y);
                    shared += usize::from(x == y);
                    if x <= y {
                        a.next();
                    }
                    if y <= x {
                        b.next();
                    }
                }
                (Some(_), None) => _ = a.next(),
                (None, Some(_)) => _ = b.next(),
                (None, None) => break,
            }
            all += 1;
        }
        if all == 0 { 0.0 } else { shared as f32 / all as f32 }
    }

    /// Share of the smaller set that both sets contain.
    fn containment(&self, other: &Sketch) -> f32 {
        let jaccard = self.jaccard(other);
        let (a, b) = (self.count as f32, other.count as f32);
        let smaller = a.min(b);
        if smaller == 0.0 {
            return 0.0;
        }
        (jaccard / (1.0 + jaccard) * (a + b) / smaller).min(1.0)
    }
}

/// Replaces every identifier.
const NAME: u64 = 1;

/// Replaces every literal.
const LITERAL: u64 = 2;

/// Hashes of names that are called or stand on the first line, ascending. Only the first [`USES`] names count.
fn uses(tokens: &[Token], language: Language) -> Vec<u32> {
    let mut uses = Vec::new();
    // Attributes and decorators precede the line that names the item.
    let attribute = |token: &&Token| matches!(token.text, "@" | "#");
    let starts = |index: usize| index == 0 || tokens[index - 1].line != tokens[index].line;
    let first = (0..tokens.len())
        .find(|index| starts(*index) && !attribute(&&tokens[*index]))
        .map(|index| tokens[index].line);
    let by_position = matches!(language, Language::Ruby | Language::Bash);
    for (index, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Name) {
        let next = |ahead: usize| tokens.get(index + ahead).map(|token| token.text);
        let called = next(1) == Some("(") || (next(1) == Some("!") && matches!(next(2), Some("(" | "[" | "{")));
        // A call without brackets.
        let bare = by_position && (starts(index) || tokens[index - 1].text == ".");
        if called || bare || first == Some(token.line) {
            let name = name_hash(token.text);
            if !uses.contains(&name) {
                uses.push(name);
            }
            if uses.len() == USES {
                break;
            }
        }
    }
    uses.sort_unstable();
    uses
}

/// Hash of a used name. Part of the index format.
fn name_hash(name: &str) -> u32 {
    (mix(hash(name.as_bytes())) >> 32) as u32
}

/// FNV-1a. Part of the index format.
fn hash(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The finalizer of SplitMix64: every output bit depends on every input bit.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests;
