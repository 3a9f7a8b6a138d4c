//! The items of the document, with their vectors.

use super::ViewError;
use crate::model::Model;
use crate::similar::index::{EmbeddedItem, embed_items};
use crate::text::Snapshot;

/// Maximum compared items; more are not readable in a matrix or on a map.
const ITEMS: usize = 200;

/// The items of a document that can be compared, in the order of the text.
pub(super) struct Items {
    pub found: Vec<EmbeddedItem>,
    /// The number of all items in the document.
    pub all: usize,
}

impl Items {
    /// Embeds the items of a document.
    ///
    /// # Errors
    /// Errors of the model.
    pub(super) fn of(model: &Model, snapshot: &Snapshot) -> Result<Items, ViewError> {
        let text = snapshot.text(0..snapshot.len());
        let mut found = embed_items(model, &text, snapshot.language())?;
        let all = found.len();
        found.retain(EmbeddedItem::is_comparable);
        found.truncate(ITEMS);
        Ok(Items { found, all })
    }
}
