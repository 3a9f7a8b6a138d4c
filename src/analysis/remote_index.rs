//! Neighbors and search results from a team's store, as far as they are known. A thread of its own queries the store
//! (`remote_queries.rs`), so that no request waits for the network: results that are not known yet arrive later, and an unavailable
//! store costs only its own results.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::DocumentId;
use super::queue::lock;
use super::workspace::key;
use crate::similar::index::{Asked, Filter, Found, Query};

/// How long an answer stays valid; other people update the store.
const FRESH: Duration = Duration::from_secs(3600);

/// Maximum number of items whose answers are kept.
const MAX_KNOWN: usize = 20_000;

/// Whether the store answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StoreStage {
    /// It has not been queried yet.
    #[default]
    Unasked,
    /// The last query succeeded.
    Ready,
    /// The last query failed, for this reason.
    Away(String),
}

/// A team's store, as other threads see it.
#[derive(Debug)]
pub struct RemoteIndexClient {
    place: String,
    known: Mutex<Known>,
    work: Mutex<Work>,
    wake: Condvar,
}

#[derive(Debug)]
struct Known {
    since: Instant,
    by_item: HashMap<u64, Arc<Vec<Found>>>,
}

#[derive(Debug, Default)]
struct Work {
    documents: BTreeSet<DocumentId>,
    searches: VecDeque<Search>,
    not_before: Option<Instant>,
    stage: StoreStage,
    ended: bool,
}

/// A search that a request waits for.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) query: Query,
    pub(super) filter: Filter,
    pub(super) count: usize,
    pub(super) reply: oneshot::Sender<Vec<Found>>,
}

/// A step of the thread that queries the store.
pub(super) enum Step {
    Search(Box<Search>),
    Relate(DocumentId),
}

impl RemoteIndexClient {
    /// A store that has not been queried yet.
    pub fn new(place: String) -> RemoteIndexClient {
        let (since, by_item) = (Instant::now(), HashMap::new());
        RemoteIndexClient {
            place,
            known: Mutex::new(Known { since, by_item }),
            work: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// A description of its location.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether the store answers.
    pub fn stage(&self) -> StoreStage {
        lock(&self.work).stage.clone()
    }

    /// The neighbors of an item in the store, if they are already known.
    pub fn known(&self, asked: &Asked) -> Option<Arc<Vec<Found>>> {
        lock(&self.known).by_item.get(&key(asked)).cloned()
    }

    /// Schedules the search for neighbors of a document's items.
    pub fn want(&self, id: &DocumentId) {
        if lock(&self.work).documents.insert(id.clone()) {
            self.wake.notify_one();
        }
    }

    /// Searches the store for a query; the reply is empty if the store is unavailable.
    pub fn search(&self, query: Query, filter: Filter, count: usize) -> oneshot::Receiver<Vec<Found>> {
        let (reply, answer) = oneshot::channel();
        lock(&self.work).searches.push_back(Search {
            query,
            filter,
            count,
            reply,
        });
        self.wake.notify_one();
        answer
    }

    /// Ends the thread.
    pub fn end(&self) {
        lock(&self.work).ended = true;
        self.wake.notify_one();
    }

    /// The next step; sleeps until there is one. `None` at the end.
    /// Searches go first, because a request waits for them. During a pause after a failure they get no answer.
    pub(super) fn next(&self) -> Option<Step> {
        let mut work = lock(&self.work);
        loop {
            if work.ended {
                return None;
            }
            let left = work.not_before.and_then(|at| at.checked_duration_since(Instant::now()));
            if left.is_some() {
                // Dropping the sender answers the request.
                work.searches.clear();
            }
            if let Some(search) = work.searches.pop_front() {
                return Some(Step::Search(Box::new(search)));
            }
            if left.is_none()
                && let Some(id) = work.documents.pop_first()
            {
                return Some(Step::Relate(id));
            }
            work = match left.filter(|_| !work.documents.is_empty()) {
                Some(left) => {
                    let woken = self.wake.wait_timeout(work, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.wake.wait(work).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Whether more urgent work is waiting.
    pub(super) fn interrupted(&self) -> bool {
        let work = lock(&self.work);
        work.ended || !work.searches.is_empty()
    }

    /// Keeps the neighbors of an item.
    pub(super) fn learn(&self, asked: &Asked, found: Vec<Found>) {
        let mut known = lock(&self.known);
        if known.by_item.len() >= MAX_KNOWN {
            known.by_item.clear();
        }
        known.by_item.insert(key(asked), Arc::new(found));
    }

    /// Sets whether the store answers, and when a pause after a failure ends. Returns whether the former is new.
    pub(super) fn turn(&self, stage: StoreStage, not_before: Option<Instant>) -> bool {
        let mut work = lock(&self.work);
        work.not_before = not_before;
        std::mem::replace(&mut work.stage, stage.clone()) != stage
    }

    /// Clears the answers if they are too old, or if `everything` is set.
    pub(super) fn forget(&self, everything: bool) {
        let mut known = lock(&self.known);
        if everything || known.since.elapsed() > FRESH {
            known.by_item.clear();
            known.since = Instant::now();
        }
    }
}
