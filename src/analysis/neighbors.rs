//! Neighbors of a document's items, and searches, asked through the handle.

use std::sync::Arc;
use std::time::Duration;

use super::handle::AnalysisHandle;
use super::lenses::Lenses;
use super::questions::unexpected_answer;
use super::queue::{Answer, Ask};
use super::workspace::Stage;
use super::{CancellationToken, DocumentId, Home, ItemNeighbors, Neighbor, Refusal};
use crate::model::{EmbeddedModel, Reader};
use crate::similar::index::{Filter, Query, ReadQuery, doubt};
use crate::text::Language;

/// The answer to a search.
#[derive(Debug, Clone, Default)]
pub struct Searched {
    /// The results, best first.
    pub found: Vec<Neighbor>,
    /// A reason why the ranking is less reliable than usual, as [`ReadQuery::note`].
    pub note: Option<String>,
    /// A warning that the results are far from the query, as [`doubt`].
    pub doubt: Option<String>,
}

/// Maximum time that a search waits for the team's store.
pub const STORE_SEARCH: Duration = Duration::from_secs(2);

impl AnalysisHandle {
    /// The items of a document that have neighbors in the open documents or the workspace.
    /// `None` if this version is not analyzed yet. Never waits for the model thread: neighbors in the workspace that are not known yet come
    /// later, after [`super::Event::Neighbors`].
    pub fn neighbors(&self, id: &DocumentId, version: i32) -> Option<Arc<Vec<ItemNeighbors>>> {
        let lenses = self.lenses_of(id, version)?;
        let found = lenses.neighbors(id, version)?;
        let lacking = lenses.lacking(id);
        if lacking.workspace {
            self.shared().change(|state| state.lenses.want(id.clone()));
        }
        if let Some(team) = self.shared().team().filter(|_| lacking.store) {
            team.want(id);
        }
        Some(match self.closed_since(&lenses) {
            closed if closed.is_empty() => found,
            closed => Arc::new(without(Vec::clone(&found), &closed)),
        })
    }

    /// Whether the scores of a language's items are final. The mean vector of a language moves during the first scan of the workspace,
    /// until enough items are known; [`super::Event::Neighbors`] then reports that scores are final.
    pub fn is_settled(&self, language: Language) -> bool {
        let state = self.shared().state();
        let roots = state.options.workspace.as_ref().map(|scope| &scope.roots);
        let indexing = &state.indexing;
        let grows = !indexing.complete && !indexing.cancelled && !state.paused && indexing.stage != Stage::OnBattery;
        let grows = grows && indexing.model.is_some() && roots.is_some_and(|roots| !roots.is_empty());
        drop(state);
        !grows || self.shared().workspace().is_settled(language)
    }

    /// Same as [`AnalysisHandle::neighbors`], but only for the items around an offset, innermost first, and complete.
    pub fn neighbors_at(&self, id: &DocumentId, version: i32, offset: usize) -> Option<Vec<ItemNeighbors>> {
        let lenses = self.lenses_of(id, version)?;
        let mut found = without(lenses.neighbors_at(id, version, offset)?, &self.closed_since(&lenses));
        for item in &mut found {
            self.drop_gone(&mut item.neighbors);
        }
        found.retain(|item| !item.neighbors.is_empty());
        Some(found)
    }

    /// Drops neighbors in deleted files, and requests a scan of the folders if there are any.
    /// Not every editor reports deletions, and a scan takes a while.
    fn drop_gone(&self, found: &mut Vec<Neighbor>) {
        let all = found.len();
        found.retain(|neighbor| !matches!(&neighbor.home, Home::File(path) if path.symlink_metadata().is_err()));
        if found.len() < all {
            self.workspace_changed(Duration::ZERO);
        }
    }

    /// Searches the open documents, the workspace and, if `beyond` is set, the team's store; at most `count` results, best first.
    /// The store gets at most [`STORE_SEARCH`]. The query text may narrow the filter ([`Query::parse`]).
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn search(
        &self,
        text: String,
        mut filter: Filter,
        count: usize,
        beyond: bool,
        cancel: CancellationToken,
    ) -> Result<Searched, Refusal> {
        let query = Query::parse(&text, &mut filter);
        self.search_for(query, filter, count, beyond, cancel).await
    }

    /// As [`AnalysisHandle::search`], for a query that has been read.
    ///
    /// # Errors
    /// As [`AnalysisHandle::search`].
    pub(super) async fn search_for(
        &self,
        mut query: Query,
        filter: Filter,
        count: usize,
        beyond: bool,
        cancel: CancellationToken,
    ) -> Result<Searched, Refusal> {
        if query.is_empty() {
            return Ok(Searched::default());
        }
        let text = query.text.clone();
        let read = match self.ask(Ask::Search { text }, cancel.clone()).await {
            Ok(Answer::Query(read)) => read,
            Ok(_) => return Err(unexpected_answer()),
            // A search by words needs no model.
            Err(Refusal::Loading) => ReadQuery {
                vector: Vec::new(),
                reader: Reader::Chosen,
                expected: None,
                note: Some("the model is still loading, so the results come from words alone".to_owned()),
            },
            Err(refusal) => return Err(refusal),
        };
        query.vector = read.vector;
        let note = query.note.take().or(read.note);
        let lenses = self.shared().lenses();
        if read.reader == Reader::Multilingual {
            return Ok(self.search_multilingual(&lenses, &query, &filter, count, note));
        }
        let store = self.shared().team().filter(|_| beyond);
        let store = store.map(|team| team.search(query.clone(), filter.clone(), count));
        let mut found = lenses.search(&self.shared().workspace(), &query, &filter, count);
        if let Some(store) = store {
            let answer = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Refusal::Cancelled),
                answer = tokio::time::timeout(STORE_SEARCH, store) => answer.ok().and_then(Result::ok),
            };
            found.extend(lenses.of_store(&answer.unwrap_or_default()));
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            found.truncate(count);
        }
        let closed = self.closed_since(&lenses);
        found.retain(|neighbor| !stands_in(neighbor, &closed));
        self.drop_gone(&mut found);
        let hits = found.iter().map(|neighbor| (neighbor.score, neighbor.why.as_ref()));
        let doubt = doubt(&query, read.expected, hits);
        Ok(Searched { found, note, doubt })
    }

    /// Answers a search whose query the multilingual model reads.
    /// That model reads the folders only after the first such search, which starts it.
    fn search_multilingual(
        &self,
        lenses: &Lenses,
        query: &Query,
        filter: &Filter,
        count: usize,
        note: Option<String>,
    ) -> Searched {
        let name = EmbeddedModel::Multilingual.name();
        let waiting = {
            let mut state = self.shared().state();
            let indexes = state
                .options
                .workspace
                .as_ref()
                .is_some_and(|scope| !scope.roots.is_empty());
            let first = indexes && !std::mem::replace(&mut state.indexing.multilingual, true);
            match (indexes, first || !state.indexing.multilingual_complete) {
                (false, _) => Some(format!(
                    "{name} reads this query and needs the index of a folder; open a folder, or ask in English"
                )),
                (true, true) => {
                    drop(state);
                    if first {
                        self.workspace_moved();
                    }
                    Some(format!(
                        "{name} reads this query and still indexes the folder, so the results are incomplete; search again in a while"
                    ))
                }
                (true, false) => None,
            }
        };
        let workspace = self.shared().workspace_of(Reader::Multilingual);
        let mut found = lenses.search_indexed(&workspace, query, filter, count);
        self.drop_gone(&mut found);
        Searched {
            found,
            note: waiting.or(note),
            doubt: None,
        }
    }

    /// The lenses, if the document still has this version; keeps them up to date for it from now on.
    fn lenses_of(&self, id: &DocumentId, version: i32) -> Option<Arc<Lenses>> {
        {
            let mut state = self.shared().state();
            let document = state.documents.get_mut(id)?;
            document.lenses_wanted = true;
            if document.snapshot.version() != version {
                return None;
            }
        }
        Some(self.shared().lenses())
    }

    /// The documents in the lenses that are no longer open.
    fn closed_since(&self, lenses: &Lenses) -> Vec<DocumentId> {
        let state = self.shared().state();
        lenses
            .documents()
            .filter(|id| state.documents.get(id).is_none())
            .cloned()
            .collect()
    }
}

/// Whether the item of a neighbor is in one of the documents.
fn stands_in(neighbor: &Neighbor, documents: &[DocumentId]) -> bool {
    matches!(&neighbor.home, Home::Document { id, .. } if documents.contains(id))
}

/// The items without neighbors in closed documents.
fn without(mut found: Vec<ItemNeighbors>, closed: &[DocumentId]) -> Vec<ItemNeighbors> {
    for item in &mut found {
        item.neighbors.retain(|neighbor| !stands_in(neighbor, closed));
    }
    found.retain(|item| !item.neighbors.is_empty());
    found
}
