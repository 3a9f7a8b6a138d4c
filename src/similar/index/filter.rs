//! Which items a query may find.

use std::path::{Path, PathBuf};

use super::Globs;
use crate::segment::ItemKind;
use crate::text::Language;

/// Restricts a query to some items. It applies before the best items are selected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Only items of these languages; empty = any.
    pub languages: Vec<Language>,
    /// Only items of these kinds; empty = any.
    pub kinds: Vec<ItemKind>,
    /// Only files below this path.
    pub below: Option<PathBuf>,
    /// Only files whose paths match; `None` = any.
    pub paths: Option<Globs>,
    /// No items of these languages.
    pub other_languages: Vec<Language>,
    /// No items of these kinds.
    pub other_kinds: Vec<ItemKind>,
    /// No files whose paths match.
    pub other_paths: Option<Globs>,
    /// Tests, other code, or both.
    pub tests: Tests,
}

/// Whether a query includes tests, by the conventions of their language ([`super::is_test_file`], [`super::is_test_item`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tests {
    /// Tests and other code.
    #[default]
    With,
    /// Tests alone.
    Only,
    /// No tests.
    None,
}

impl Filter {
    /// Whether items of a file can pass.
    pub fn takes_file(&self, path: &Path) -> bool {
        self.below.as_ref().is_none_or(|below| path.starts_with(below))
            && self.paths.as_ref().is_none_or(|paths| paths.matches(path))
            && !self.other_paths.as_ref().is_some_and(|paths| paths.matches(path))
    }

    /// Whether an item of such a file passes. `test` means that it is a test or inside one.
    pub fn takes_item(&self, language: Language, kind: ItemKind, test: bool) -> bool {
        let tests = match self.tests {
            Tests::With => true,
            Tests::Only => test,
            Tests::None => !test,
        };
        tests
            && (self.languages.is_empty() || self.languages.contains(&language))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && !self.other_languages.contains(&language)
            && !self.other_kinds.contains(&kind)
    }
}
