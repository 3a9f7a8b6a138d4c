//! What is to be said to the client. Whoever has news puts it here and goes on; the publisher takes it when it is free.
//!
//! There is room for one thing of each kind, so news that comes faster than it can be told replaces what nobody needs any more.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::analysis::{DocumentId, DocumentReport};

/// How many messages to the user may wait.
const MAX_MESSAGES: usize = 16;

/// The news of one document's heat.
#[derive(Debug, Clone)]
pub enum HeatUpdate {
    /// Results.
    Report(Arc<DocumentReport>),
    /// Nothing is to be drawn, for this version.
    Clear(i32),
}

/// What is to be said.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Settings are to be asked for.
    pub pull: bool,
    /// The state may have changed.
    pub status: bool,
    /// Lenses should be asked for anew.
    pub lenses: bool,
    /// Documents that were opened or closed, of whose heat the client knows nothing any more; told before the heat.
    pub fresh: HashSet<DocumentId>,
    /// Heat, at most one per document.
    pub heat: HashMap<DocumentId, HeatUpdate>,
    /// Sentences for the user.
    pub warnings: Vec<String>,
}

/// Where the news is put.
#[derive(Debug, Default)]
pub struct Outbox {
    outgoing: Mutex<Outgoing>,
    wake: Notify,
    ready: Notify,
}

impl Outbox {
    /// The client said `initialized`.
    pub fn client_is_ready(&self) {
        self.ready.notify_one();
    }

    /// Waits for the client to say `initialized`.
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

    /// Waits for news and takes all there is.
    pub async fn take(&self) -> Outgoing {
        self.wake.notified().await;
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
