//! Queries to a store: the server proposes candidates, the shared rules score and rank them.

use super::super::{Asked, Collection, Filter, Found, IndexError, Query};
use super::centering::COMPARED;
use super::{Shared, search, similar};

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
