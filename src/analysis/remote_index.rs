//! Neighbors and search results from a team's store. A thread of its own queries the store, so that no request waits for the network:
//! results that are not known yet arrive later, and an unavailable store costs only its own results.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::DocumentId;
use super::options::Event;
use super::pool::lowest_priority;
use super::queue::lock;
use super::state::Shared;
use super::workspace::{MAX_FOUND, key};
use crate::similar::index::{Asked, Collection, Filter, Found, IndexError, Opener, Query};

/// How long an answer stays valid; other people update the store.
const FRESH: Duration = Duration::from_secs(3600);

/// Pause after a failure to answer. It doubles with each failure, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Minimum time between updates while the items of a long document are queried.
const SHOW_EVERY: Duration = Duration::from_secs(2);

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

#[derive(Debug)]
struct Search {
    query: Query,
    filter: Filter,
    count: usize,
    reply: oneshot::Sender<Vec<Found>>,
}

enum Step {
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
    fn next(&self) -> Option<Step> {
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
    fn interrupted(&self) -> bool {
        let work = lock(&self.work);
        work.ended || !work.searches.is_empty()
    }

    fn learn(&self, asked: &Asked, found: Vec<Found>) {
        let mut known = lock(&self.known);
        if known.by_item.len() >= MAX_KNOWN {
            known.by_item.clear();
        }
        known.by_item.insert(key(asked), Arc::new(found));
    }

    /// Clears the answers if they are too old, or if `everything` is set.
    fn forget(&self, everything: bool) {
        let mut known = lock(&self.known);
        if everything || known.since.elapsed() > FRESH {
            known.by_item.clear();
            known.since = Instant::now();
        }
    }
}

/// Queries a store until the analysis ends.
pub fn run(shared: &Shared, team: &RemoteIndexClient, open: Opener) {
    lowest_priority();
    let mut asker = RemoteQueries {
        shared,
        team,
        open,
        collection: None,
        pause: SHORTEST_PAUSE,
        reported: false,
    };
    while let Some(step) = team.next() {
        team.forget(false);
        let outcome = catch_unwind(AssertUnwindSafe(|| asker.take(step)));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => asker.away(error.to_string()),
            Err(_) => {
                asker.collection = None;
                asker.away("an internal error occurred while the store was asked".into());
            }
        }
    }
}

/// The state that only this thread uses.
struct RemoteQueries<'a> {
    shared: &'a Shared,
    team: &'a RemoteIndexClient,
    open: Opener,
    /// The connection, and the model whose queries it accepts.
    collection: Option<(String, Box<dyn Collection>)>,
    /// Duration of the next pause after a failure.
    pause: Duration,
    /// Whether the user was told that the store is unavailable.
    reported: bool,
}

impl RemoteQueries<'_> {
    fn take(&mut self, step: Step) -> Result<(), IndexError> {
        let Some(model) = self.shared.state().indexing.model.clone() else {
            // Without the model there are no vectors to compare.
            return Ok(());
        };
        let id = &model.info().id;
        if self.collection.as_ref().is_none_or(|(current, _)| current != id) {
            self.team.forget(true);
            self.collection = None;
            self.collection = Some((id.clone(), (self.open)(&model)?));
        }
        let Some((_, collection)) = &self.collection else {
            return Ok(());
        };
        match step {
            Step::Search(search) => {
                if !search.reply.is_closed() {
                    let found = collection.search(&search.query, &search.filter, search.count)?;
                    let _ = search.reply.send(found);
                }
            }
            Step::Relate(id) => find_neighbors(self.shared, self.team, &**collection, &id)?,
        }
        (self.pause, self.reported) = (SHORTEST_PAUSE, false);
        lock(&self.team.work).not_before = None;
        self.turn(StoreStage::Ready);
        Ok(())
    }

    /// Begins a pause after a failure, and reports it to the user once.
    fn away(&mut self, why: String) {
        tracing::warn!(why, "the team's store does not answer");
        lock(&self.team.work).not_before = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.turn(StoreStage::Away(why.clone()));
        if !std::mem::replace(&mut self.reported, true) {
            self.shared.tell(Event::IndexProblem(format!(
                "{why}; its items stay hidden until it answers"
            )));
        }
    }

    fn turn(&self, stage: StoreStage) {
        let previous = std::mem::replace(&mut lock(&self.team.work).stage, stage.clone());
        if previous != stage {
            self.shared.tell(Event::Store);
        }
    }
}

/// Queries the neighbors of every item of a document that has none yet. More urgent work postpones the rest.
fn find_neighbors(
    shared: &Shared,
    team: &RemoteIndexClient,
    collection: &dyn Collection,
    id: &DocumentId,
) -> Result<(), IndexError> {
    let lenses = shared.lenses();
    let (mut shown, mut news) = (Instant::now(), false);
    for asked in lenses.questions(id) {
        if team.known(&asked).is_some() {
            continue;
        }
        if team.interrupted() {
            team.want(id);
            break;
        }
        let found = match collection.similar(&asked, &Filter::default(), MAX_FOUND) {
            Ok(found) => found,
            Err(error) => {
                team.want(id);
                return Err(error);
            }
        };
        team.learn(&asked, found);
        news = true;
        if shown.elapsed() >= SHOW_EVERY {
            shared.tell(Event::Neighbors);
            (shown, news) = (Instant::now(), false);
        }
    }
    if news {
        shared.tell(Event::Neighbors);
    }
    Ok(())
}
