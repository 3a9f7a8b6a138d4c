//! The comparison or answer that a client without an interface of Fovea's showed last, so that an action at its place can ask about it.

use std::sync::{Mutex, PoisonError};

use tower_lsp::ls_types::{Position, Range, Uri};

use super::protocol::{Passage, TrustArgs};

/// What was told last.
#[derive(Debug, Default)]
pub struct LastTold(Mutex<Option<TrustArgs>>);

impl LastTold {
    /// Replaces what was told.
    pub fn tell(&self, told: TrustArgs) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }

    /// What was told, if it is about a position, with its kind in a word.
    pub fn at(&self, uri: &Uri, position: Position) -> Option<(&'static str, TrustArgs)> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.as_ref()?;
        let here = |own: &Uri, range: &Range| own == uri && range.start <= position && position <= range.end;
        let of_passage = |passage: &Passage| matches!(passage, Passage::Range { uri, range } if here(uri, range));
        let kind = match told {
            TrustArgs::Comparison { a, b } => (of_passage(a) || of_passage(b)).then_some("comparison"),
            TrustArgs::Answer { uri, range, .. } => here(uri, range).then_some("answer"),
            TrustArgs::Unit { .. } => None,
        };
        kind.map(|kind| (kind, told.clone()))
    }
}
