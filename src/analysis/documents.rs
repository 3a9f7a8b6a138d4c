//! The open documents, and the choice of the next one to work on.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::document::Document;
use super::queue::Priority;
use super::{DocumentId, Refusal};
use crate::text::Snapshot;

/// The open documents.
#[derive(Default)]
pub struct Documents {
    open: HashMap<DocumentId, Document>,
    clock: u64,
}

impl Documents {
    /// A document, if it is open.
    pub fn get(&self, id: &DocumentId) -> Option<&Document> {
        self.open.get(id)
    }

    /// A document, if it is open.
    pub fn get_mut(&mut self, id: &DocumentId) -> Option<&mut Document> {
        self.open.get_mut(id)
    }

    /// A document, if it is open and its text is still the one of `revision`.
    pub fn at_revision(&mut self, id: &DocumentId, revision: u64) -> Option<&mut Document> {
        self.open.get_mut(id).filter(|document| document.revision == revision)
    }

    /// All open documents.
    pub fn iter(&self) -> impl Iterator<Item = (&DocumentId, &Document)> {
        self.open.iter()
    }

    /// All open documents, mutably.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&DocumentId, &mut Document)> {
        self.open.iter_mut()
    }

    /// Opens or changes a document. Only a change waits for the debounce.
    pub fn update(&mut self, id: &DocumentId, snapshot: Snapshot, debounce: Duration, now: Instant) {
        self.clock += 1;
        if let Some(document) = self.open.get_mut(id) {
            let due = now + document.debounce(debounce);
            document.change(snapshot, self.clock, due);
            return;
        }
        self.open.insert(id.clone(), Document::new(snapshot, self.clock, now));
    }

    /// Closes a document and refuses the requests that wait for it.
    pub fn close(&mut self, id: &DocumentId) -> Option<Document> {
        let mut document = self.open.remove(id)?;
        document.refuse_waiters(&Refusal::Stale);
        Some(document)
    }

    /// Records user activity in a document.
    pub fn touch(&mut self, id: &DocumentId) -> Option<&mut Document> {
        self.clock += 1;
        let document = self.open.get_mut(id)?;
        document.touched = self.clock;
        Some(document)
    }

    /// Restarts the analysis under another model or setting; syntax trees and cursor positions stay.
    pub fn restart(&mut self, forget_vectors: bool, now: Instant) {
        for document in self.open.values_mut() {
            document.restart();
            document.report = None;
            document.due = now;
            if forget_vectors {
                document.vectors = None;
            }
        }
    }

    /// The most urgent document with work to do now, and its urgency.
    pub fn next(&self, now: Instant) -> Option<(Priority, DocumentId)> {
        let newest = self.open.values().map(|document| document.touched).max();
        self.open
            .iter()
            .filter(|(_, document)| document.ready_at(now).is_some_and(|at| at <= now))
            .map(|(id, document)| {
                (
                    (
                        document.priority(Some(document.touched) == newest),
                        Reverse(document.touched),
                    ),
                    id,
                )
            })
            .min_by_key(|(rank, _)| *rank)
            .map(|((priority, _), id)| (priority, id.clone()))
    }

    /// The earliest start of the next work; `None` if there is none.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.open.values().filter_map(|document| document.ready_at(now)).min()
    }

    /// Number of requests that wait for a whole document.
    pub fn waiting(&self) -> usize {
        self.open.values().map(|document| document.waiters.len()).sum()
    }

    /// Refuses all requests that wait for a whole document.
    pub fn refuse_waiters(&mut self, refusal: &Refusal) {
        self.open
            .values_mut()
            .for_each(|document| document.refuse_waiters(refusal));
    }

    /// Removes withdrawn requests.
    pub fn purge(&mut self) {
        self.open
            .values_mut()
            .for_each(|document| document.waiters.retain(|waiter| !waiter.withdrawn()));
    }
}
