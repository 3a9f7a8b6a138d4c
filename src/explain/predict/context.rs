//! The text that a model reads to predict: before a position, or around it for a masked model.

use crate::model::{Model, ModelError, Tokens};
use crate::text::{ByteRange, Language, Snapshot, ceil_char, floor_char};

/// A part of a document as the model reads it.
pub(super) struct Context {
    /// The text that the model reads, with the mask of a masked model.
    pub text: String,
    /// Its tokens; a mask counts as special.
    pub tokens: Tokens,
    /// The row whose outputs predict the token.
    pub row: usize,
    /// The byte of the document at which `text` begins.
    first: usize,
    /// The range of the mask and other inserted text in `text`.
    inserted: ByteRange,
}

impl Context {
    /// The last tokens of the text before a position: at most `window`.
    pub(super) fn before(model: &Model, window: usize, text: &str) -> Result<Context, ModelError> {
        let mut first = 0;
        loop {
            let tokens = model.tokenize(&text[first..], Language::Prose)?;
            if tokens.len() <= window {
                return Ok(Context {
                    text: text[first..].to_owned(),
                    row: tokens.len().saturating_sub(1),
                    tokens,
                    first,
                    inserted: text.len()..text.len(),
                });
            }
            let beyond = tokens
                .spans
                .get(tokens.len() - window)
                .map_or(0, |span| span.start)
                .max(1);
            let next = ceil_char(text, first + beyond);
            first = text[next..].find('\n').map_or(next, |line| next + line + 1);
        }
    }

    /// The text around a position, with a mask there: at most `window` tokens.
    pub(super) fn around(model: &Model, window: usize, text: &str, at: usize) -> Result<Context, ModelError> {
        let Some((mask, id)) = model.tokenizer().mask() else {
            let name = &model.info().name;
            return Err(ModelError::Meaningless(format!(
                "{name} has no token for a mask; use another model"
            )));
        };
        let mut reach = text.len();
        loop {
            let first = ceil_char(text, at.saturating_sub(reach));
            let last = floor_char(text, (at + reach).min(text.len()));
            let (before, after) = (&text[first..at], &text[at..last]);
            let space = |wanted: bool| if wanted { " " } else { "" };
            let left = space(before.ends_with(|c: char| !c.is_whitespace()));
            let right = space(after.starts_with(char::is_alphanumeric));
            let insert = format!("{left}{mask}{right}");
            let read = format!("{before}{insert}{after}");
            let mut tokens = model.tokenize(&read, Language::Prose)?;
            let inserted = before.len()..before.len() + insert.len();
            // The text may contain the mask token itself; ours is at the position.
            let ours = |token: &usize| tokens.ids[*token] == id && inserted.contains(&tokens.spans[*token].start);
            let row = (0..tokens.len()).find(ours);
            match row {
                Some(row) if tokens.len() <= window => {
                    (tokens.special[row], tokens.spans[row]) = (true, 0..0);
                    return Ok(Context {
                        text: read,
                        tokens,
                        row,
                        first,
                        inserted,
                    });
                }
                _ if reach < 8 => {
                    let why = "the text around this place does not fit the model; use another model";
                    return Err(ModelError::Meaningless(why.to_owned()));
                }
                _ => reach = reach.min(text.len()) * 3 / 4,
            }
        }
    }

    /// Maps a range of the text to the document.
    pub(super) fn in_document(&self, range: &ByteRange, document: &Snapshot) -> ByteRange {
        let place = |at: usize| {
            let own = match at {
                at if at <= self.inserted.start => at,
                at => at.saturating_sub(self.inserted.len()).max(self.inserted.start),
            };
            (self.first + own).min(document.len())
        };
        place(range.start)..place(range.end)
    }
}
