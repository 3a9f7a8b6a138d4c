//! Answers questions on the model thread.

use std::sync::Arc;

use super::address::Setting;
use super::compute::{ComputeError, INTERNAL_ERROR};
use super::document::Stage;
use super::engine::Comparison;
use super::place::{cursor_report, language_of, unit_at};
use super::queue::{Answer, Ask, Question, Wanted};
use super::worker::{LastComparison, Worker};
use super::{CancellationToken, CursorReport, DocumentId, DocumentReport, Refusal, TrustReport, UnitReport};
use crate::model::{Checkpoint, ModelError};
use crate::segment::Unit;
use crate::text::{Language, Snapshot};

/// The reason why a question has no answer now.
pub enum Interrupted {
    /// The computation was stopped.
    Stopped,
    /// The question cannot be answered.
    Refused(Refusal),
}

impl From<ComputeError> for Interrupted {
    fn from(error: ComputeError) -> Interrupted {
        match error {
            ComputeError::Stopped => Interrupted::Stopped,
            ComputeError::Failed(why) => Interrupted::Refused(Refusal::Failed(why)),
        }
    }
}

fn no_model() -> Interrupted {
    Interrupted::Refused(Refusal::Loading)
}

/// A unit of a document and its explanation.
struct Explained {
    document: Arc<DocumentReport>,
    /// The revision of the document.
    revision: u64,
    /// The index of the unit.
    index: usize,
    text: String,
    setting: Arc<Setting>,
    explanation: Arc<UnitReport>,
}

impl Explained {
    fn unit(&self) -> &Unit {
        &self.document.segments.units[self.index]
    }
}

impl Worker {
    pub(super) fn answer(&mut self, question: &Arc<Question>, stop: &CancellationToken) {
        let checkpoint = || stop.is_cancelled() || question.abandoned();
        match self.result(&question.ask, &checkpoint) {
            Ok(answer) => question.answer(Ok(answer)),
            Err(Interrupted::Refused(refusal)) => question.answer(Err(refusal)),
            Err(Interrupted::Stopped) if question.abandoned() => {}
            Err(Interrupted::Stopped) => {
                question.interrupted();
                let mut state = self.shared.state();
                match state.refusal() {
                    Some(refusal) => question.answer(Err(refusal)),
                    None => state.queue.put_back(question.clone()),
                }
            }
        }
    }

    fn result(&mut self, ask: &Ask, checkpoint: Checkpoint) -> Result<Answer, Interrupted> {
        let setting = self.setting().ok_or_else(no_model)?;
        match ask {
            Ask::Cursor {
                id, snapshot, offset, ..
            } => self.cursor(id, snapshot, *offset, checkpoint).map(Answer::Cursor),
            Ask::Trust { id, snapshot, offset } => self
                .trust(id, snapshot, *offset, checkpoint)
                .map(|report| Answer::Trust(report.map(Box::new))),
            Ask::Range { id, snapshot, range } => {
                let report = self
                    .shared
                    .state()
                    .documents
                    .get(id)
                    .and_then(|document| document.current().cloned());
                let language = language_of(report.as_deref(), snapshot, range);
                let text = snapshot.text(range.clone());
                let mut compute = self.compute(&setting).ok_or_else(no_model)?;
                Ok(Answer::Range(compute.range(&text, language, checkpoint)?))
            }
            Ask::Compare { a, b, wanted } => {
                let known = self.compared.take().filter(|known| known.is_of(&setting, a, b));
                let compared = match known {
                    Some(known) => known,
                    None => {
                        let mut compute = self.compute(&setting).ok_or_else(no_model)?;
                        let pair = compute.read_pair((&a.0, a.1), (&b.0, b.1), checkpoint)?;
                        LastComparison {
                            setting,
                            passages: [a.clone(), b.clone()],
                            pair,
                        }
                    }
                };
                let answer = self.compared_as(&*compared.pair, (a.1, b.1), *wanted, checkpoint);
                self.compared = Some(compared);
                answer
            }
            Ask::Look { question, passage } => {
                let engine = self.engine.as_deref().ok_or_else(no_model)?;
                let (index, passage) = passage;
                let looked = self
                    .pool
                    .install(|| engine.look(question, (*index, passage), checkpoint));
                Ok(Answer::Looked(looked.map_err(ComputeError::from)?))
            }
            Ask::Why {
                question,
                passage: (index, passage),
                sentence,
            } => {
                let engine = self.engine.as_deref().ok_or_else(no_model)?;
                let explain = || engine.explain_answer(question, (*index, passage), sentence, checkpoint);
                let answer = self.pool.install(explain).map_err(ComputeError::from)?;
                Ok(Answer::Why(Box::new(answer)))
            }
            Ask::TrustAnswer {
                question,
                passage,
                range,
            } => {
                let engine = self.engine.as_deref().ok_or_else(no_model)?;
                let judge = || engine.trust_answer(question, (passage, range), checkpoint);
                let judged = self.pool.install(judge).map_err(ComputeError::from)?;
                Ok(Answer::Judged(judged.map(Box::new)))
            }
            Ask::Along { text, direction } => {
                let engine = self.engine.as_deref().ok_or_else(no_model)?;
                let text = (text.0.as_str(), text.1);
                let found = self.pool.install(|| engine.along(text, direction, checkpoint));
                Ok(Answer::Along(Box::new(found.map_err(ComputeError::from)?)))
            }
            Ask::Predict {
                snapshot, offset, wish, ..
            } => {
                let engine = self.engine.as_deref().ok_or_else(no_model)?;
                let found = self
                    .pool
                    .install(|| engine.predict(snapshot, *offset, wish, checkpoint));
                Ok(Answer::Predicted(Box::new(found.map_err(ComputeError::from)?)))
            }
            Ask::Search { text } => {
                let engine = self.engine.as_deref().ok_or_else(no_model)?;
                let query = self.pool.install(|| engine.query(text)).map_err(ComputeError::from)?;
                Ok(Answer::Query(query))
            }
        }
    }

    fn compared_as(
        &self,
        pair: &dyn Comparison,
        (a, b): (Language, Language),
        wanted: Wanted,
        checkpoint: Checkpoint,
    ) -> Result<Answer, Interrupted> {
        let lenses = self.shared.lenses();
        let between = lenses.center().between(a, b);
        let means = between.is_known().then(|| between.means());
        let answer = self.pool.install(|| match wanted {
            Wanted::Totals => Ok(Answer::Pair(Box::new(pair.report(false, means, checkpoint)?))),
            Wanted::Matrix => Ok(Answer::Pair(Box::new(pair.report(true, means, checkpoint)?))),
            Wanted::Row(which, word) => Ok(Answer::Row(pair.row(which, word, checkpoint)?)),
            Wanted::Trust => Ok(Answer::Judged(Some(Box::new(pair.trust(means, checkpoint)?)))),
        });
        answer.map_err(|error: ModelError| ComputeError::from(error).into())
    }

    fn cursor(
        &mut self,
        id: &DocumentId,
        snapshot: &Snapshot,
        offset: usize,
        checkpoint: Checkpoint,
    ) -> Result<Option<CursorReport>, Interrupted> {
        let Some(here) = self.explained_at(id, snapshot, offset, checkpoint)? else {
            return Ok(None);
        };
        let mut compute = self.compute(&here.setting).ok_or_else(no_model)?;
        let language = here.unit().language;
        let sources = compute.sources(&here.text, language, checkpoint)?;
        let Explained {
            document,
            revision,
            index,
            explanation,
            ..
        } = here;
        if document.units[index].is_none() {
            if let Some(document) = self.shared.state().documents.at_revision(id, revision) {
                document.fill(vec![(index, explanation.clone())]);
            }
            self.announce_results(id, revision);
        }
        Ok(Some(cursor_report(&document, index, offset, explanation, sources)))
    }

    fn trust(
        &mut self,
        id: &DocumentId,
        snapshot: &Snapshot,
        offset: usize,
        checkpoint: Checkpoint,
    ) -> Result<Option<TrustReport>, Interrupted> {
        let Some(here) = self.explained_at(id, snapshot, offset, checkpoint)? else {
            return Ok(None);
        };
        let mut compute = self.compute(&here.setting).ok_or_else(no_model)?;
        let unit = here.unit().clone();
        let trust = compute.trust(&here.text, unit.language, &here.explanation, checkpoint)?;
        Ok(Some(TrustReport { unit, trust }))
    }

    /// Finds and explains the unit at an offset; `None` where there is no unit.
    fn explained_at(
        &mut self,
        id: &DocumentId,
        snapshot: &Snapshot,
        offset: usize,
        checkpoint: Checkpoint,
    ) -> Result<Option<Explained>, Interrupted> {
        let (document, revision) = self.segmented(id, snapshot.version())?;
        let Some(index) = unit_at(&document.segments, offset) else {
            return Ok(None);
        };
        let unit = &document.segments.units[index];
        let texts = [(document.snapshot.text(unit.range.clone()), unit.language)];
        let setting = self.setting().ok_or_else(no_model)?;
        let mut compute = self.compute(&setting).ok_or_else(no_model)?;
        let Some(explanation) = compute.units(&texts, checkpoint)?.pop() else {
            return Ok(None);
        };
        let [(text, _)] = texts;
        let text = text.into_owned();
        Ok(Some(Explained {
            document,
            revision,
            index,
            text,
            setting,
            explanation,
        }))
    }

    /// The report on a document's segmented text; segments the text now if necessary.
    fn segmented(&mut self, id: &DocumentId, version: i32) -> Result<(Arc<DocumentReport>, u64), Interrupted> {
        for made in [false, true] {
            {
                let state = self.shared.state();
                let document = state
                    .documents
                    .get(id)
                    .filter(|document| document.snapshot.version() == version);
                let document = document.ok_or(Interrupted::Refused(Refusal::Stale))?;
                if let Some(report) = document.current() {
                    return Ok((report.clone(), document.revision));
                }
                if document.stage == Stage::Broken {
                    return Err(Interrupted::Refused(Refusal::Failed(INTERNAL_ERROR.into())));
                }
            }
            if !made {
                self.segment(id);
            }
        }
        Err(Interrupted::Refused(Refusal::Stale))
    }
}
