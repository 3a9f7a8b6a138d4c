//! The reasons why a question of the page has no answer.

use crate::model::{ModelError, TokenizeError};

/// The reason why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The question names something that does not exist.
    #[error("there is no {0}")]
    Missing(String),
    /// The model kept no tape.
    #[error("the model left no trace of its pass; load it with the interpreter")]
    Unread,
    /// The items could not be compared.
    #[error("cannot compare the items: {0}")]
    Items(String),
    /// The model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl From<candle_core::Error> for ViewError {
    fn from(error: candle_core::Error) -> ViewError {
        ViewError::Model(error.into())
    }
}

impl From<TokenizeError> for ViewError {
    fn from(error: TokenizeError) -> ViewError {
        ViewError::Model(error.into())
    }
}

/// The error for an index out of range.
pub(super) fn missing(what: &str, asked: usize, of: usize) -> ViewError {
    ViewError::Missing(format!("{what} {asked}: there are {of}, counted from 0"))
}
