//! Questions of the model's tasks through the handle: classes, predictions, and a question in words.
//!
//! A question in words is asked in steps: the passages that may answer it, what each holds, and why an answer is one. Each step
//! occupies the model thread for one passage at most, so a hover waits for no whole question.

use std::sync::Arc;

use super::engine::Toward;
use super::handle::AnalysisHandle;
use super::neighbors::Searched;
use super::questions::unexpected_answer;
use super::queue::{Answer as Told, Ask};
use super::{CancellationToken, DocumentId, Refusal};
use crate::explain::predict::{Prediction, Wish};
use crate::explain::trust::Trust;
use crate::similar::ask::{Answer, Looked, PASSAGES, Passage, Question, Scored};
use crate::similar::index::{Filter, Query};
use crate::text::{ByteRange, Language, Snapshot};

impl AnalysisHandle {
    /// The items of the open documents and of the workspace that may answer a question, best first. An item of a team's store is none of them,
    /// since its text is not on this machine.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn passages(&self, question: &str, cancel: CancellationToken) -> Result<Searched, Refusal> {
        let mut filter = Filter::default();
        let mut query = Query::parse(question, &mut filter);
        // Documents answer questions as well as code does.
        query.asks.prose = true;
        self.search_for(query, filter, PASSAGES, false, cancel).await
    }

    /// Why the answers to a question mean less than usual: the model reads only a part of it.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn limits_of_question(
        &self,
        question: &str,
        cancel: CancellationToken,
    ) -> Result<Option<String>, Refusal> {
        let text = question.to_owned();
        match self.ask(Ask::Search { text }, cancel).await? {
            Told::Query(read) => Ok(read.note),
            _ => Err(unexpected_answer()),
        }
    }

    /// What a passage holds; `index` is its place among all passages.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn look(
        &self,
        question: &Arc<Question>,
        (index, passage): (usize, &Arc<Passage>),
        cancel: CancellationToken,
    ) -> Result<Looked, Refusal> {
        let ask = Ask::Look {
            question: question.clone(),
            passage: (index, passage.clone()),
        };
        match self.ask(ask, cancel).await? {
            Told::Looked(looked) => Ok(looked),
            _ => Err(unexpected_answer()),
        }
    }

    /// The embedding of a text, and what its words add along a direction.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn along(
        &self,
        text: (String, Language),
        direction: Arc<[f32]>,
        cancel: CancellationToken,
    ) -> Result<Toward, Refusal> {
        match self.ask(Ask::Along { text, direction }, cancel).await? {
            Told::Along(found) => Ok(*found),
            _ => Err(unexpected_answer()),
        }
    }

    /// What the model expects at a place of a document.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn predict(
        &self,
        (id, snapshot): (&DocumentId, Snapshot),
        offset: usize,
        wish: Wish,
        cancel: CancellationToken,
    ) -> Result<Prediction, Refusal> {
        let ask = Ask::Predict {
            id: id.clone(),
            snapshot,
            offset,
            wish,
        };
        match self.ask(ask, cancel).await? {
            Told::Predicted(found) => Ok(*found),
            _ => Err(unexpected_answer()),
        }
    }

    /// Whether what is said of an answer can be trusted; `None` if the passage does not have it.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn trust_answer(
        &self,
        question: &Arc<Question>,
        (passage, range): (&Arc<Passage>, ByteRange),
        cancel: CancellationToken,
    ) -> Result<Option<Trust>, Refusal> {
        let ask = Ask::TrustAnswer {
            question: question.clone(),
            passage: passage.clone(),
            range,
        };
        match self.ask(ask, cancel).await? {
            Told::Judged(judged) => Ok(judged.map(|judged| *judged)),
            _ => Err(unexpected_answer()),
        }
    }

    /// Why a sentence answers a question: what each of its words adds to the cosine of the two.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn explain_answer(
        &self,
        question: &Arc<Question>,
        (index, passage): (usize, &Arc<Passage>),
        own: &Scored,
        cancel: CancellationToken,
    ) -> Result<Answer, Refusal> {
        let ask = Ask::Why {
            question: question.clone(),
            passage: (index, passage.clone()),
            sentence: own.clone(),
        };
        match self.ask(ask, cancel).await? {
            Told::Why(answer) => Ok(*answer),
            _ => Err(unexpected_answer()),
        }
    }
}
