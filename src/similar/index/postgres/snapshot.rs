//! A store at one point in time, for queries.

use std::fmt::Display;

use pgvector::HalfVector;
use postgres::row::RowIndex;
use postgres::{IsolationLevel, Row, Transaction};

use super::connection::Open;
use super::error::StoreError;

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

/// The width of the vectors in the store.
pub(super) fn width(transaction: &mut Transaction) -> Result<usize, StoreError> {
    let width: i32 = transaction.query_one("SELECT width FROM meta", &[])?.get(0);
    Ok(width.unsigned_abs() as usize)
}
