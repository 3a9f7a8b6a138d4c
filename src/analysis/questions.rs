//! Questions to the model thread, asked through the handle.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::handle::AnalysisHandle;
use super::queue::{Answer, Ask, Asker, Wanted};
use super::{CancellationToken, CursorReport, DocumentId, DocumentReport, Refusal, TrustReport, UnitReport};
use crate::explain::trust::Trust;
use crate::explain::{PairReport, Shares, Which};
use crate::text::{ByteRange, Language, Snapshot};

impl AnalysisHandle {
    /// The explanation of the word at an offset; `None` if there is no text.
    /// A newer question about another position in the same document replaces this one.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn explain_at(
        &self,
        id: &DocumentId,
        snapshot: Snapshot,
        offset: usize,
        cancel: CancellationToken,
    ) -> Result<Option<CursorReport>, Refusal> {
        self.explain_at_for("cursor", id, snapshot, offset, cancel).await
    }

    /// Same as [`AnalysisHandle::explain_at`], but only a newer question with the same purpose replaces it.
    /// A hover and a highlight at different positions thus do not replace each other.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn explain_at_for(
        &self,
        purpose: &'static str,
        id: &DocumentId,
        snapshot: Snapshot,
        offset: usize,
        cancel: CancellationToken,
    ) -> Result<Option<CursorReport>, Refusal> {
        if let Some(known) = self.shared().known_at(id, &snapshot, offset)? {
            return Ok(known);
        }
        let ask = Ask::Cursor {
            id: id.clone(),
            snapshot,
            offset,
            purpose,
        };
        match self.ask(ask, cancel).await? {
            Answer::Cursor(report) => Ok(report),
            _ => Err(unexpected_answer()),
        }
    }

    /// The explanation of a range, merged from its parts if it exceeds the model's window.
    /// The ranges of its words are relative to the start of the range.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn explain_range(
        &self,
        id: &DocumentId,
        snapshot: Snapshot,
        range: ByteRange,
        cancel: CancellationToken,
    ) -> Result<Arc<UnitReport>, Refusal> {
        if let Some(known) = self.shared().known_range(id, &snapshot, &range)? {
            return Ok(known);
        }
        match self
            .ask(
                Ask::Range {
                    id: id.clone(),
                    snapshot,
                    range,
                },
                cancel,
            )
            .await?
        {
            Answer::Range(report) => Ok(report),
            _ => Err(unexpected_answer()),
        }
    }

    /// Whether the explanation of the unit at an offset can be trusted; `None` if there is no text.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn trust(
        &self,
        id: &DocumentId,
        snapshot: Snapshot,
        offset: usize,
        cancel: CancellationToken,
    ) -> Result<Option<TrustReport>, Refusal> {
        let id = id.clone();
        match self.ask(Ask::Trust { id, snapshot, offset }, cancel).await? {
            Answer::Trust(report) => Ok(report.map(|report| *report)),
            _ => Err(unexpected_answer()),
        }
    }

    /// The complete report on a whole document; a request for it skips the debounce.
    ///
    /// # Errors
    /// The reason why there is no answer; [`Refusal::Failed`] if the model failed on some of its units.
    pub async fn explain_document(
        &self,
        id: &DocumentId,
        snapshot: Snapshot,
        cancel: CancellationToken,
    ) -> Result<Arc<DocumentReport>, Refusal> {
        let (asker, answer) = Asker::new(cancel.clone());
        let known = self.shared().change(|state| {
            state.check(id, &snapshot)?;
            let known = state.documents.get(id).filter(|document| document.complete());
            if let Some(report) = known.and_then(|document| document.report.clone()) {
                return Ok(Some(report));
            }
            state.admit()?;
            let Some(document) = state.documents.touch(id) else {
                return Err(Refusal::Stale);
            };
            document.wait(asker);
            // The pass may have ended already, with units that failed.
            document.finish_if_complete();
            Ok(None)
        })?;
        if let Some(report) = known {
            return Ok(report);
        }
        match wait(answer, &cancel).await? {
            Answer::Document(report) => Ok(report),
            _ => Err(unexpected_answer()),
        }
    }

    /// Explains the similarity of two passages, if possible also without their languages' mean vectors.
    /// `pairs` requests the matrix of all pairs of words, which takes seconds for long passages.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn compare(
        &self,
        a: (String, Language),
        b: (String, Language),
        pairs: bool,
        cancel: CancellationToken,
    ) -> Result<PairReport, Refusal> {
        let wanted = if pairs { Wanted::Matrix } else { Wanted::Totals };
        match self.ask(Ask::Compare { a, b, wanted }, cancel).await? {
            Answer::Pair(report) => Ok(*report),
            _ => Err(unexpected_answer()),
        }
    }

    /// The contributions of one word's pairs to the cosine; `None` if the word does not exist.
    /// Fast after [`AnalysisHandle::compare`] of the same passages.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn compare_word(
        &self,
        a: (String, Language),
        b: (String, Language),
        (which, word): (Which, usize),
        cancel: CancellationToken,
    ) -> Result<Option<Shares>, Refusal> {
        let wanted = Wanted::Row(which, word);
        match self.ask(Ask::Compare { a, b, wanted }, cancel).await? {
            Answer::Row(row) => Ok(row),
            _ => Err(unexpected_answer()),
        }
    }

    /// Whether the totals of a comparison can be trusted. Fast after [`AnalysisHandle::compare`] of the same passages.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn trust_comparison(
        &self,
        a: (String, Language),
        b: (String, Language),
        cancel: CancellationToken,
    ) -> Result<Option<Trust>, Refusal> {
        let wanted = Wanted::Trust;
        match self.ask(Ask::Compare { a, b, wanted }, cancel).await? {
            Answer::Judged(judged) => Ok(judged.map(|judged| *judged)),
            _ => Err(unexpected_answer()),
        }
    }

    /// Sends a question to the model thread and waits for the answer.
    pub(super) async fn ask(&self, ask: Ask, cancel: CancellationToken) -> Result<Answer, Refusal> {
        if cancel.is_cancelled() {
            return Err(Refusal::Cancelled);
        }
        let (asker, answer) = Asker::new(cancel.clone());
        self.shared().change(|state| {
            state.admit()?;
            if ask
                .document()
                .is_some_and(|(id, version)| !state.is_current(id, version))
            {
                return Err(Refusal::Stale);
            }
            state.ask(ask, asker);
            Ok(())
        })?;
        wait(answer, &cancel).await
    }
}

/// Waits for the answer or for cancellation.
fn wait(
    answer: oneshot::Receiver<Result<Answer, Refusal>>,
    cancel: &CancellationToken,
) -> impl Future<Output = Result<Answer, Refusal>> {
    let cancel = cancel.clone();
    async move {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Refusal::Cancelled),
            answer = answer => answer.unwrap_or(Err(Refusal::Cancelled)),
        }
    }
}

/// The error for an answer of the wrong kind, which cannot occur.
pub(super) fn unexpected_answer() -> Refusal {
    Refusal::Failed("an internal error occurred: the answer belongs to another question".into())
}
