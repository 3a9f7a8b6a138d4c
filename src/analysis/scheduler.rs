//! Chooses the next step of the model thread: questions go before documents, documents before lenses, and what nobody asked for comes last.

use std::sync::Arc;
use std::time::Instant;

use super::compute::Quarantine;
use super::document::{Document, Stage};
use super::options::ModelStatus;
use super::queue::{Priority, Question};
use super::state::{Running, State};
use super::{CancellationToken, DocumentId};

/// A step of the model thread.
pub(super) enum Action {
    Load,
    Resize(usize),
    Answer(Arc<Question>, CancellationToken),
    Segment(DocumentId),
    Batch(Batch),
    /// Computes the word sources of one unit on screen ahead of a request.
    Prefetch(Batch),
    Lenses,
    /// Searches neighbors of a document's items in the workspace, for some milliseconds.
    Relate(DocumentId, CancellationToken),
}

/// Units of one document for one forward pass.
pub(super) struct Batch {
    pub(super) id: DocumentId,
    pub(super) revision: u64,
    pub(super) units: Vec<usize>,
    pub(super) stop: CancellationToken,
}

/// What the model thread has beside the shared state.
pub(super) struct Means<'a> {
    /// Whether it has a model.
    pub(super) loaded: bool,
    /// Whether it can load the same model again.
    pub(super) loadable: bool,
    /// Texts that made the model panic.
    pub(super) quarantine: &'a Quarantine,
}

/// The most urgent step; `None` if there is nothing to do. A batch that was interrupted too often goes before questions.
pub(super) fn next(state: &mut State, means: &Means, now: Instant) -> Option<Action> {
    if state.loader.is_some() {
        return Some(Action::Load);
    }
    if std::mem::take(&mut state.pool_changed) {
        return Some(Action::Resize(state.options.threads));
    }
    match state.model {
        ModelStatus::Failed(_) => return None,
        _ if !means.loaded => return means.loadable.then_some(Action::Load),
        _ if state.paused => return None,
        _ => {}
    }
    let next = state.documents.next(now);
    let waiting = next.as_ref().and_then(|(_, id)| state.documents.get(id));
    let owed = waiting.is_some_and(Document::owed);
    while let Some(question) = if owed { None } else { state.queue.pop() } {
        if question.abandoned() {
            continue;
        }
        if let Some(document) = next.as_ref().and_then(|(_, id)| state.documents.get_mut(id)) {
            document.passed_over();
        }
        let (priority, interruptible) = (question.ask.priority(), question.interruptible());
        let stop = start(state, priority, interruptible, Some(question.clone()), None);
        return Some(Action::Answer(question, stop));
    }
    if state.lenses.due(now, next.is_none()) {
        return Some(Action::Lenses);
    }
    let Some((priority, id)) = next else {
        if let Some(id) = state.lenses.wanted() {
            let stop = start(state, Priority::Rest, true, None, Some(id.clone()));
            return Some(Action::Relate(id, stop));
        }
        return prefetch(state);
    };
    let document = state.documents.get(&id)?;
    if document.stage == Stage::Changed {
        start(state, priority, false, None, Some(id.clone()));
        return Some(Action::Segment(id));
    }
    let (revision, interruptible) = (document.revision, document.interruptible());
    let units = document.pick(|key| means.quarantine.suspects(key));
    let stop = start(state, priority, interruptible, None, Some(id.clone()));
    Some(Action::Batch(Batch {
        id,
        revision,
        units,
        stop,
    }))
}

/// The least urgent step, taken only when there is no other; everything may interrupt it.
fn prefetch(state: &mut State) -> Option<Action> {
    let (id, revision, unit) = state
        .documents
        .iter_mut()
        .find_map(|(id, document)| Some((id.clone(), document.revision, document.prefetch()?)))?;
    let stop = start(state, Priority::Rest, true, None, Some(id.clone()));
    let units = vec![unit];
    Some(Action::Prefetch(Batch {
        id,
        revision,
        units,
        stop,
    }))
}

/// Records the current work for threads that may have to stop it.
fn start(
    state: &mut State,
    priority: Priority,
    interruptible: bool,
    question: Option<Arc<Question>>,
    document: Option<DocumentId>,
) -> CancellationToken {
    let stop = CancellationToken::new();
    state.running = Some(Running {
        priority,
        interruptible,
        question,
        document,
        stop: stop.clone(),
    });
    stop
}
