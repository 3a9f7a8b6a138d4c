//! Keys and values of the last text that a page continues, so that the next token costs one row.

use std::sync::Arc;

use super::ViewError;
use super::passes::Pass;
use crate::model::UNSTOPPED;
use crate::model::ops::PooledRows;
use crate::model::tape::{Cache, Network};

/// A text that the model has read completely.
pub(super) struct Writer {
    unit: usize,
    ids: Vec<u32>,
    cache: Cache,
    /// The last hidden state of its last token.
    last: Vec<f32>,
}

impl Writer {
    /// Has read nothing of a unit.
    pub(super) fn of(unit: usize) -> Writer {
        Writer {
            unit,
            ids: Vec::new(),
            cache: Cache::default(),
            last: Vec::new(),
        }
    }

    /// Whether these tokens of a unit begin with the text that the model has read.
    pub(super) fn is_before(&self, unit: usize, ids: &[u32]) -> bool {
        self.unit == unit && ids.starts_with(&self.ids)
    }

    /// Reads the rest of the tokens of a unit. Returns the last hidden state of the last one.
    ///
    /// # Errors
    /// Errors of the model.
    pub(super) fn last_row(&mut self, network: &Network, pass: &Pass, ids: &[u32]) -> Result<Vec<f32>, ViewError> {
        let fresh = &ids[self.ids.len()..];
        if !fresh.is_empty() {
            let context = match network.spec.decoder {
                Some(_) => Some(Arc::new(PooledRows::from(
                    pass.trace.hidden.flatten_all()?.to_vec1::<f32>()?,
                ))),
                None => None,
            };
            let rows = network.next(fresh, context.as_ref(), &mut self.cache, UNSTOPPED)?;
            let width = rows.len() / fresh.len();
            self.last = rows[rows.len() - width..].to_vec();
            self.ids = ids.to_vec();
        }
        Ok(self.last.clone())
    }
}
