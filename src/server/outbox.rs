//! Messages that wait for the client.
//!
//! Other threads add news here without waiting; the publisher takes it when it is free. Each kind of news has one slot (heat: one per
//! document), so fast news replaces outdated news.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::analysis::{DocumentId, DocumentReport};

/// Maximum number of waiting messages to the user.
const MAX_MESSAGES: usize = 16;

/// New heat of one document.
#[derive(Debug, Clone)]
pub enum HeatUpdate {
    /// New results.
    Report(Arc<DocumentReport>),
    /// The client must draw nothing for this version.
    Clear(i32),
}

/// The waiting news.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// The server must ask for the settings.
    pub pull: bool,
    /// The state may have changed.
    pub status: bool,
    /// The client should ask for lenses again.
    pub lenses: bool,
    /// Documents that the client opened or closed; processed before `heat`.
    ///
    /// The client has dropped their previous heat.
    pub fresh: HashSet<DocumentId>,
    /// Heat, at most one per document.
    pub heat: HashMap<DocumentId, HeatUpdate>,
    /// Sentences for the user.
    pub warnings: Vec<String>,
}

/// Holds the news until the publisher takes it.
#[derive(Debug, Default)]
pub struct Outbox {
    outgoing: Mutex<Outgoing>,
    wake: Notify,
    ready: Notify,
}

impl Outbox {
    /// Notes that the client sent `initialized`.
    pub fn client_is_ready(&self) {
        self.ready.notify_one();
    }

    /// Waits until the client sends `initialized`.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Adds news. Never waits for the client.
    pub fn add(&self, outgoing: impl FnOnce(&mut Outgoing)) {
        let mut held = self.lock();
        outgoing(&mut held);
        held.warnings.truncate(MAX_MESSAGES);
        drop(held);
        self.wake.notify_one();
    }

    /// Waits for news, and takes all of it.
    pub async fn take(&self) -> Outgoing {
        self.wake.notified().await;
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
