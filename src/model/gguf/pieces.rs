//! The pieces of a vocabulary: their texts, kinds and scores.

use super::values::{Values, missing};
use crate::model::vetting::{LONGEST_PIECE, MOST_PIECES};

/// What a piece is, as SentencePiece numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A piece that texts are made of.
    Normal,
    /// What stands for unknown text.
    Unknown,
    /// A token that no text contains.
    Control,
    /// A text that is always one token.
    UserDefined,
    /// A row of the table that means nothing.
    Unused,
    /// A byte of text that no piece covers.
    Byte,
}

/// The pieces, by id.
pub(super) struct Pieces<'a> {
    pub texts: Vec<&'a str>,
    pub kinds: Vec<Kind>,
    pub scores: Option<Vec<f64>>,
    /// Which one stands for unknown text.
    pub unknown: Option<u32>,
}

/// Tokens that stand in no text, where a file does not say what kind its tokens are.
const CONTROLS: [&str; 6] = ["bos", "eos", "padding", "cls", "mask", "seperator"];

impl<'a> Pieces<'a> {
    /// Reads a vocabulary.
    ///
    /// # Errors
    /// Names the key and what to do.
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

    /// The token that `tokenizer.ggml.{name}_token_id` names.
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

    /// The score of each piece, which has to be there.
    pub(super) fn scores(&self) -> Result<&[f64], String> {
        let scores = self.scores.as_deref().ok_or_else(|| missing("tokenizer.ggml.scores"))?;
        match scores.iter().all(|score| score.is_finite()) {
            true => Ok(scores),
            false => Err("a score of its tokens is no finite number; download the model again".to_owned()),
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
