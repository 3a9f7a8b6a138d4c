//! The argument and the answer of [`SEARCH`](super::SEARCH).

use serde::{Deserialize, Serialize};

use super::SimilarItem;
use crate::segment::ItemKind;

/// The one argument of [`SEARCH`](super::SEARCH); a string alone is its `query`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SearchArgs {
    /// The words to search for.
    Query(String),
    /// The words to search for, with filters.
    Filtered {
        /// The words. A result must contain `"…"` word by word and must not contain `-word`; `lang:rust`, `kind:function`,
        /// `path:src/**` and `tests:none` filter.
        query: String,
        /// Maximum number of results: 20 by default, at most 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        top: Option<usize>,
        /// LSP identifiers of the languages to search; all by default.
        #[serde(default)]
        languages: Vec<String>,
        /// `function`, `type`, `heading` or `file`; all by default.
        #[serde(default)]
        kinds: Vec<ItemKind>,
        /// Whether the answer is a [`SearchAnswer`], with notes, instead of the list alone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        notes: bool,
    },
}

/// The answer of [`SEARCH`](super::SEARCH) to a client that asks for notes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// The items, best first.
    pub items: Vec<SimilarItem>,
    /// Why the ranking means less than usual, one clause each.
    ///
    /// The model cannot read the query, or not all of it, or is still loading.
    pub notes: Vec<String>,
}
