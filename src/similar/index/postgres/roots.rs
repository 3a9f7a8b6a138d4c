//! The folders of a store, and the results in their files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use postgres::Transaction;

use super::super::collection::container;
use super::super::encoding::path;
use super::super::{Found, IndexedItem, Why};
use super::Link;
use super::error::StoreError;
use super::filter::CandidateFile;

/// The folders of a store by identifier: name and web link.
pub(super) struct Roots(HashMap<i64, (Arc<Path>, Option<Link>)>);

impl Roots {
    /// Reads the folders with the given identifiers.
    pub(super) fn of(transaction: &mut Transaction, mut numbers: Vec<i64>) -> Result<Roots, StoreError> {
        numbers.sort_unstable();
        numbers.dedup();
        let rows = transaction.query("SELECT id, path, link FROM roots WHERE id = ANY($1)", &[&numbers])?;
        let roots = rows.iter().map(|row| {
            let link: Option<&str> = row.get(2);
            // A link in the store comes from another user, so it is validated like input.
            let link = link.and_then(|pattern| Link::new(pattern).ok());
            (row.get(0), (path(row.get(1)).into(), link))
        });
        Ok(Roots(roots.collect()))
    }

    /// The name of a folder; it orders results with equal scores.
    pub(super) fn name(&self, number: i64) -> Option<&Path> {
        self.0.get(&number).map(|(name, _)| &**name)
    }

    /// The result for an item in a file, with the name of the item around it; `None` if its folder has been removed.
    pub(super) fn found(
        &self,
        file: &CandidateFile,
        (item, around): (IndexedItem, Option<&str>),
        score: f32,
        why: Option<Why>,
    ) -> Option<Found> {
        let (root, link) = self.0.get(&file.root)?;
        Some(Found {
            root: Arc::clone(root),
            link: link.as_ref().map(|link| link.of(&file.path, item.name_start.line)),
            path: file.path.clone(),
            container: container(item.kind, around),
            item,
            score,
            why,
        })
    }
}
