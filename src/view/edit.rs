//! An edit for "what if" questions: changed words and disabled heads, as a part of a path.
//!
//! | part | meaning |
//! | --- | --- |
//! | `d3` | word 3 is deleted |
//! | `m3` | word 3 is masked |
//! | `r3.7465` | word 3 is replaced by the text with these bytes in hexadecimal |
//! | `h2.5` | head 5 of layer 2 gives 0; `d` before a number with a dot is one of the decoder, `x` one that looks at the encoder |
//!
//! Commas separate the parts; `-` changes nothing.

use crate::model::hex;
use crate::model::tape::{HeadOff, Side};

/// Maximum bytes of a replacement text.
const LONGEST: usize = 400;

/// The change of a word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// Its tokens are deleted.
    Delete,
    /// A mask replaces it.
    Mask,
    /// Another text replaces it.
    Replace(String),
}

/// Changes to the words of a unit, and disabled heads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Edit {
    /// Changed words, by number.
    pub words: Vec<(usize, Change)>,
    /// Heads that give 0.
    pub off: Vec<HeadOff>,
}

impl Edit {
    /// Parses a part of a path. `None` if it is invalid, or changes a word twice.
    pub fn parse(text: &str) -> Option<Edit> {
        let mut edit = Edit::default();
        if text == "-" {
            return Some(edit);
        }
        for part in text.split(',') {
            let (kind, rest) = (part.chars().next()?, part.get(1..)?);
            match (kind, rest.split_once('.')) {
                ('d', None) => edit.words.push((number(rest)?, Change::Delete)),
                ('m', None) => edit.words.push((number(rest)?, Change::Mask)),
                ('r', Some((word, hex))) => edit
                    .words
                    .push((number(word)?, Change::Replace(text_of(hex, LONGEST)?))),
                ('h' | 'd' | 'x', Some((layer, head))) => edit.off.push(HeadOff {
                    side: if kind == 'h' { Side::Reading } else { Side::Writing },
                    cross: kind == 'x',
                    layer: number(layer)?,
                    head: number(head)?,
                }),
                _ => return None,
            }
        }
        let twice = (1..edit.words.len()).any(|at| edit.words[..at].iter().any(|(word, _)| *word == edit.words[at].0));
        (!twice).then_some(edit)
    }

    /// The change of a word, if any.
    pub fn of_word(&self, word: usize) -> Option<&Change> {
        self.words
            .iter()
            .find(|(own, _)| *own == word)
            .map(|(_, change)| change)
    }
}

impl std::fmt::Display for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.words.iter().map(|(word, change)| match change {
            Change::Delete => format!("d{word}"),
            Change::Mask => format!("m{word}"),
            Change::Replace(text) => {
                format!("r{word}.{}", hex(text.as_bytes()))
            }
        });
        let heads = self.off.iter().map(|off| {
            let stack = match (off.side, off.cross) {
                (Side::Reading, _) => 'h',
                (Side::Writing, false) => 'd',
                (Side::Writing, true) => 'x',
            };
            format!("{stack}{}.{}", off.layer, off.head)
        });
        let parts: Vec<String> = words.chain(heads).collect();
        match parts.is_empty() {
            true => write!(f, "-"),
            false => write!(f, "{}", parts.join(",")),
        }
    }
}

/// A number of at most nine digits.
pub(super) fn number(text: &str) -> Option<usize> {
    match text.len() <= 9 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok(),
        false => None,
    }
}

/// UTF-8 of at most `longest` bytes, from hexadecimal; `None` for no text.
pub(super) fn text_of(hex: &str, longest: usize) -> Option<String> {
    let fits = !hex.is_empty() && hex.len().is_multiple_of(2) && hex.len() <= 2 * longest;
    if !fits
        || !hex
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return None;
    }
    let bytes = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok());
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_the_text_it_prints() {
        for text in ["-", "d3", "m0,r12.e6b2b3", "d1,h2.5", "h0.0,d1.2,x2.3"] {
            assert_eq!(Edit::parse(text).unwrap().to_string(), text);
        }
        let edit = Edit::parse("r1.7269766572").unwrap();
        assert_eq!(edit.of_word(1), Some(&Change::Replace("river".to_owned())));
        assert_eq!(edit.of_word(0), None);
    }

    #[test]
    fn an_invalid_edit_is_refused() {
        for text in [
            "", "3", "d", "q1", "r1", "r1.", "r1.7", "r1.ff", "r1.7Z", "h1", "d1,d1", "d1,m1", "d1,", "é1", "r1.6g",
        ] {
            assert_eq!(Edit::parse(text), None, "{text}");
        }
        assert_eq!(Edit::parse(&format!("r1.{}", "61".repeat(LONGEST + 1))), None);
    }
}
