//! Work on whole documents: segments, batches of units, item vectors.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::compute::ComputeError;
use super::engine::Engine;
use super::lenses::{DocumentVectors, Lenses, Opened};
use super::options::Event;
use super::scheduler::Batch;
use super::shown::ShownFile;
use super::worker::Worker;
use super::workspace::Workspace;
use super::{CancellationToken, DocumentId};
use crate::similar::Center;
use crate::similar::index::calibration;

/// Maximum time of one step of the neighbor search.
const RELATING: Duration = Duration::from_millis(20);

impl Worker {
    pub(super) fn segment(&mut self, id: &DocumentId) {
        let Some(setting) = self.setting() else { return };
        let (snapshot, revision, previous, known) = {
            let mut state = self.shared.state();
            let Some(document) = state.documents.get_mut(id) else {
                return;
            };
            let known = document.report.clone();
            // Taken out of the document, so that a panic leaves no half-updated state for the next attempt.
            (
                document.snapshot.clone(),
                document.revision,
                document.previous.take(),
                known,
            )
        };
        let Some(mut compute) = self.compute(&setting) else {
            return;
        };
        let prepared = compute.prepare(id, revision, snapshot, previous, known.as_deref());
        drop(known);
        {
            let mut state = self.shared.state();
            let same_setting = state.setting.as_ref() == Some(&setting);
            let Some(document) = state.documents.get_mut(id) else {
                return;
            };
            if document.revision != revision || !same_setting {
                // The text changed in the meantime; the next attempt can still reuse this one.
                document.previous = Some(prepared.previous);
                return;
            }
            let before = document.report.as_ref().and_then(|report| report.segments.unparsed);
            document.segmented(id, prepared);
            if document.report.as_ref().and_then(|report| report.segments.unparsed) != before {
                self.shared.tell(Event::Unparsed);
            }
        }
        self.announce_results(id, revision);
    }

    pub(super) fn batch(&mut self, batch: &Batch) {
        let Some(setting) = self.setting() else { return };
        let (report, keys) = {
            let mut state = self.shared.state();
            let Some(document) = state.documents.at_revision(&batch.id, batch.revision) else {
                return;
            };
            let Some(report) = document.current().cloned() else {
                return;
            };
            (report, document.keys.clone())
        };
        let busy = std::mem::replace(&mut self.shared.state().busy, true);
        if !busy {
            self.shared.tell(Event::Busy(true));
        }
        let unit = |&index: &usize| &report.segments.units[index];
        let texts: Vec<_> = batch
            .units
            .iter()
            .map(unit)
            .map(|unit| (report.snapshot.text(unit.range.clone()), unit.language))
            .collect();
        let started = Instant::now();
        let checkpoint = || batch.stop.is_cancelled();
        let Some(mut compute) = self.compute(&setting) else {
            return;
        };
        let result = compute.units(&texts, &checkpoint);
        {
            let mut state = self.shared.state();
            // If text or setting changed in the meantime, the results are in the cache, and nothing else is to be done.
            let same_setting = state.setting.as_ref() == Some(&setting);
            let document = state
                .documents
                .at_revision(&batch.id, batch.revision)
                .filter(|_| same_setting);
            let Some(document) = document else { return };
            match result {
                Ok(found) => {
                    let found = batch.units.iter().copied().zip(found).collect();
                    document.explained(found, started.elapsed());
                }
                Err(ComputeError::Stopped) => document.interrupted(),
                Err(ComputeError::Failed(why)) if batch.units.len() == 1 => document.failed(&batch.units, why),
                Err(ComputeError::Failed(_)) => {
                    let keys: Vec<_> = batch.units.iter().map(|&unit| keys[unit]).collect();
                    self.quarantine.suspect(&keys);
                }
            }
        }
        self.announce_results(&batch.id, batch.revision);
    }

    /// Computes the word sources of a unit on screen before a hover needs them.
    pub(super) fn prefetch(&mut self, batch: &Batch) {
        let (Some(setting), &[index]) = (self.setting(), batch.units.as_slice()) else {
            return;
        };
        let report = {
            let mut state = self.shared.state();
            let document = state.documents.at_revision(&batch.id, batch.revision);
            let Some(report) = document.and_then(|document| document.current().cloned()) else {
                return;
            };
            report
        };
        let checkpoint = || batch.stop.is_cancelled();
        let Some(mut compute) = self.compute(&setting) else {
            return;
        };
        let unit = &report.segments.units[index];
        let text = report.snapshot.text(unit.range.clone());
        if compute.sources(&text, unit.language, &checkpoint) == Err(ComputeError::Stopped) {
            return;
        }
        let mut state = self.shared.state();
        if let Some(document) = state.documents.at_revision(&batch.id, batch.revision) {
            document.mark_prefetched(index);
        }
    }

    /// Announces new results, and computes the item vectors of a complete document.
    pub(super) fn announce_results(&mut self, id: &DocumentId, revision: u64) {
        let (news, complete) = {
            let mut state = self.shared.state();
            let Some(document) = state.documents.at_revision(id, revision) else {
                return;
            };
            let complete = document.finish_if_complete().then(|| document.report.clone()).flatten();
            (document.announce(Some(Instant::now())), complete)
        };
        if let Some(report) = news {
            self.shared.tell(Event::Report(report));
        }
        let Some(report) = complete else { return };
        let vectors = Arc::new(DocumentVectors::of(&report));
        let mut state = self.shared.state();
        let Some(document) = state.documents.at_revision(id, revision) else {
            return;
        };
        document.vectors = Some(vectors);
        state.lenses.changed();
    }

    pub(super) fn lenses(&mut self) {
        let (opened, wanted, shown, roots) = {
            let mut state = self.shared.state();
            state.lenses.begin(Instant::now());
            let mut wanted = BTreeSet::new();
            let mut opened = Vec::new();
            for (id, document) in state.documents.iter_mut() {
                let Some(vectors) = document.vectors.clone() else {
                    continue;
                };
                let file = document.file.clone();
                opened.push(Opened { vectors, file });
                if document.lenses_wanted {
                    wanted.insert(id.clone());
                }
            }
            let roots = state.options.workspace.as_ref().map(|scope| scope.roots.clone());
            let shown = (state.options.min_similarity, state.options.detail);
            (opened, wanted, shown, roots.unwrap_or_default())
        };
        let located = opened.into_iter().map(|Opened { vectors, file }| {
            let file = file.map(ShownFile::canonical);
            Opened { vectors, file }
        });
        let team = self.shared.team().cloned();
        let (threshold, detail) = shown;
        let workspace = self.shared.workspace();
        let center = self.center(&workspace);
        let roots: Vec<PathBuf> = roots
            .into_iter()
            .map(|root| root.canonicalize().unwrap_or(root))
            .collect();
        let lenses = Lenses::new(
            located.collect(),
            &roots,
            workspace,
            &center,
            team.clone(),
            threshold,
            detail,
        );
        self.shared.set_lenses(Arc::new(lenses));
        if let Some(team) = team {
            wanted.iter().for_each(|id| team.want(id));
        }
        self.shared.state().lenses.want_only(wanted);
        self.shared.tell(Event::Neighbors);
    }

    /// The mean vectors per language from the workspace; without items, only the calibration of the model.
    fn center(&self, workspace: &Workspace) -> Center {
        let model = self.engine.as_deref().and_then(Engine::model);
        match model.filter(|_| workspace.is_empty()) {
            Some(model) => match self.pool.install(|| calibration(&model)) {
                Ok(calibration) => Center::within(calibration),
                Err(error) => {
                    tracing::warn!(%error, "the model is not calibrated");
                    Center::default()
                }
            },
            None => workspace.center(),
        }
    }

    /// Searches neighbors of a document's items for some milliseconds, then lets more urgent work run.
    pub(super) fn find_neighbors(&self, id: &DocumentId, stop: &CancellationToken) {
        let lenses = self.shared.lenses();
        let until = Instant::now() + RELATING;
        let enough = || stop.is_cancelled() || Instant::now() >= until;
        if !self.pool.install(|| lenses.find_neighbors(id, enough)) {
            return;
        }
        self.shared.state().lenses.found(id);
        self.shared.tell(Event::Neighbors);
    }
}
