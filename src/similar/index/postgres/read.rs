//! Queries to a store: the server proposes candidates, the shared rules score and rank them.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use pgvector::HalfVector;
use postgres::row::RowIndex;
use postgres::{IsolationLevel, Row, Transaction};

use super::super::encoding::path;
use super::super::{Asked, Collection, Filter, Found, IndexError, IndexedItem, Query, Why};
use super::centering::{self, COMPARED};
use super::connection::Open;
use super::error::StoreError;
use super::filter::CandidateFile;
use super::{Link, Shared, search, similar};

/// Size of the candidate list in a graph search (`hnsw.ef_search`).
pub(super) const BREADTH: u32 = 600;

/// Maximum number of items with one name that are read.
pub(super) const NAMESAKES: usize = 5000;

impl Collection for Shared {
    fn similar(&self, asked: &Asked, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        self.ask(|open| similar::similar(open, self.own.as_deref(), asked, filter, count))
    }

    fn search(&self, query: &Query, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        self.ask(|open| search::search(open, query, filter, count))
    }

    fn len(&self) -> Result<usize, IndexError> {
        self.ask(|open| {
            let sql = format!("SELECT count(*) FROM files JOIN items USING (content) WHERE {COMPARED}");
            let count: i64 = open.client.query_one(&sql, &[])?.get(0);
            Ok(usize::try_from(count).unwrap_or(0))
        })
    }

    fn is_empty(&self) -> Result<bool, IndexError> {
        self.ask(|open| {
            let sql = "SELECT NOT EXISTS (SELECT FROM files JOIN items USING (content))";
            Ok(open.client.query_one(sql, &[])?.get(0))
        })
    }
}

/// A read-only transaction with a consistent snapshot of the store.
pub(super) fn view(open: &mut Open) -> Result<Transaction<'_>, StoreError> {
    let builder = open.client.build_transaction().read_only(true);
    Ok(builder.isolation_level(IsolationLevel::RepeatableRead).start()?)
}

/// The vector in a column of a row.
pub(super) fn floats(row: &Row, column: impl RowIndex + Display) -> Vec<f32> {
    let vector: HalfVector = row.get(column);
    vector.as_slice().iter().map(|value| value.to_f32()).collect()
}

/// Reloads the means and moments of languages if they have been recomputed.
pub(super) fn refresh_center(open: &mut Open) -> Result<(), StoreError> {
    let known = open.center.as_ref().map(|(centering, _)| *centering);
    let calibration = open.calibration.clone();
    let mut transaction = view(open)?;
    let row = transaction.query_one("SELECT centering, width FROM meta", &[])?;
    let (now, width): (i64, i32) = (row.get(0), row.get(1));
    if known != Some(now) {
        let moments = centering::moments(&mut transaction, width.unsigned_abs() as usize)?;
        let center = centering::center(&mut transaction, &calibration)?.with_moments(moments.into_iter());
        transaction.commit()?;
        open.center = Some((now, center));
    }
    Ok(())
}

/// The width of the vectors in the store.
pub(super) fn width(transaction: &mut Transaction) -> Result<usize, StoreError> {
    let width: i32 = transaction.query_one("SELECT width FROM meta", &[])?.get(0);
    Ok(width.unsigned_abs() as usize)
}

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

    /// The result for an item in a file; `None` if its folder has been removed.
    pub(super) fn found(&self, file: &CandidateFile, item: IndexedItem, score: f32, why: Option<Why>) -> Option<Found> {
        let (root, link) = self.0.get(&file.root)?;
        Some(Found {
            root: Arc::clone(root),
            link: link.as_ref().map(|link| link.of(&file.path, item.name_start.line)),
            path: file.path.clone(),
            item,
            score,
            why,
        })
    }
}
