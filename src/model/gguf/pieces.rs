//! The entries of a vocabulary: their texts, kinds and scores.

use super::values::{Values, missing};
use crate::model::vetting::{LONGEST_PIECE, MOST_PIECES};

/// The kind of an entry, in SentencePiece's numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular piece of text.
    Normal,
    /// The token for unknown text.
    Unknown,
    /// A control token, which does not occur in texts.
    Control,
    /// A text that is always a single token.
    UserDefined,
    /// An unused row of the table.
    Unused,
    /// A byte, for text that no piece covers.
    Byte,
}

/// The entries, indexed by id.
pub(super) struct Pieces<'a> {
    pub texts: Vec<&'a str>,
    pub kinds: Vec<Kind>,
    pub scores: Option<Vec<f64>>,
    /// The id of the token for unknown text.
    pub unknown: Option<u32>,
}

/// The control tokens, for files without token types.
const CONTROLS: [&str; 6] = ["bos", "eos", "padding", "cls", "mask", "seperator"];

impl<'a> Pieces<'a> {
    /// Reads a vocabulary.
    ///
    /// # Errors
    /// Names the key and says what to do.
    pub(super) fn read(values: &Values<'a>) -> Result<Pieces<'a>, String> {
        let texts = values.texts("tokenizer.ggml.tokens")?;
        if texts.len() > MOST_PIECES {
            return Err(format!(
                "it has {} tokens, over the limit of {MOST_PIECES}",
                texts.len()
            ));
        }
        if let Some(long) = texts.iter().find(|text| text.len() > LONGEST_PIECE) {
            return Err(format!(
                "one of its tokens has {} bytes, over the limit of {LONGEST_PIECE}",
                long.len()
            ));
        }
        let stated = values.numbers("tokenizer.ggml.token_type", texts.len())?;
        let kinds = match &stated {
            Some(kinds) => kinds.iter().map(|kind| kind_of(*kind)).collect(),
            None => vec![Kind::Normal; texts.len()],
        };
        let mut pieces = Pieces {
            texts,
            kinds,
            scores: None,
            unknown: None,
        };
        pieces.scores = values.numbers("tokenizer.ggml.scores", pieces.texts.len())?;
        if stated.is_none() {
            for name in CONTROLS {
                if let Some(id) = pieces.token(values, name)? {
                    pieces.kinds[id as usize] = Kind::Control;
                }
            }
        }
        let marked = pieces.kinds.iter().position(|kind| *kind == Kind::Unknown);
        let named = pieces.token(values, "unknown")?;
        pieces.unknown = named.or(marked.map(|id| id as u32));
        Ok(pieces)
    }

    /// The id in `tokenizer.ggml.{name}_token_id`.
    pub(super) fn token(&self, values: &Values, name: &str) -> Result<Option<u32>, String> {
        let key = format!("tokenizer.ggml.{name}_token_id");
        match values.token(&key)? {
            Some(id) if id as usize >= self.texts.len() => Err(format!(
                "`{key}` is {id}, and there are {} tokens; download the model again",
                self.texts.len()
            )),
            found => Ok(found),
        }
    }

    /// The scores of all entries; an error if they are missing.
    pub(super) fn scores(&self) -> Result<&[f64], String> {
        let scores = self.scores.as_deref().ok_or_else(|| missing("tokenizer.ggml.scores"))?;
        match scores.iter().all(|score| score.is_finite()) {
            true => Ok(scores),
            false => Err("a score of its tokens is not finite; download the model again".to_owned()),
        }
    }

    pub(super) fn text(&self, id: u32) -> &'a str {
        self.texts[id as usize]
    }
}

fn kind_of(number: f64) -> Kind {
    match number as u8 {
        2 => Kind::Unknown,
        3 => Kind::Control,
        4 => Kind::UserDefined,
        5 => Kind::Unused,
        6 => Kind::Byte,
        _ => Kind::Normal,
    }
}
