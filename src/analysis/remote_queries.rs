//! Queries a team's store on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::DocumentId;
use super::options::Event;
use super::pool::lowest_priority;
use super::remote_index::{RemoteIndexClient, Step, StoreStage};
use super::state::Shared;
use super::workspace::MAX_FOUND;
use crate::similar::index::{Collection, Filter, IndexError, Opener};

/// Pause after a failure to answer. It doubles with each failure, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Minimum time between updates while the items of a long document are queried.
const SHOW_EVERY: Duration = Duration::from_secs(2);

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
        self.turn(StoreStage::Ready, None);
        Ok(())
    }

    /// Begins a pause after a failure, and reports it to the user once.
    fn away(&mut self, why: String) {
        tracing::warn!(why, "the team's store does not answer");
        let not_before = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.turn(StoreStage::Away(why.clone()), Some(not_before));
        if !std::mem::replace(&mut self.reported, true) {
            self.shared.tell(Event::IndexProblem(format!(
                "{why}; its items stay hidden until it answers"
            )));
        }
    }

    fn turn(&self, stage: StoreStage, not_before: Option<Instant>) {
        if self.team.turn(stage, not_before) {
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
