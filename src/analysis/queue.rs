//! The questions that wait for the model thread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::engine::Toward;
use super::{CancellationToken, CursorReport, DocumentId, DocumentReport, Refusal, TrustReport, UnitReport};
use crate::explain::predict::{Prediction, Wish};
use crate::explain::trust::Trust;
use crate::explain::{PairReport, Shares, Which};
use crate::similar::ask::{Looked, Passage, Question as Asked, Scored};
use crate::similar::index::ReadQuery;
use crate::text::{ByteRange, Language, Snapshot};

/// Maximum number of waiting askers; further requests are refused at once instead of answered late.
pub const MAX_WAITING: usize = 256;

/// Maximum number of interruptions of a question or batch before it runs to its end.
pub const MAX_INTERRUPTIONS: u8 = 3;

/// Urgency of work, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A user waits with the cursor on a word.
    Cursor,
    /// It is on the screen.
    Visible,
    /// It is in the document with the latest activity.
    Document,
    /// It is in another open document.
    Rest,
}

/// Locks a mutex and ignores poison: its data is always consistent, and one panic must not end other work.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The requested part of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The sum over all pairs for each word.
    Totals,
    /// The matrix of all pairs, which takes long.
    Matrix,
    /// The pairs of a single word.
    Row(Which, usize),
    /// Whether the totals can be trusted.
    Trust,
}

/// The answer to a question.
#[derive(Debug, Clone)]
pub enum Answer {
    /// For the word at an offset.
    Cursor(Option<CursorReport>),
    /// For a range.
    Range(Arc<UnitReport>),
    /// For a whole document.
    Document(Arc<DocumentReport>),
    /// For a comparison.
    Pair(Box<PairReport>),
    /// For one word of a comparison; `None` if the word does not exist.
    Row(Option<Shares>),
    /// Whether an explanation can be trusted; `None` if there is no text.
    Trust(Option<Box<TrustReport>>),
    /// Whether the explanation of a comparison or an answer can be trusted; `None` if the passage no longer has the answer.
    Judged(Option<Box<Trust>>),
    /// For a search: the query as the model read it.
    Query(ReadQuery),
    /// To a question in words: what a passage holds.
    Looked(Looked),
    /// Why a sentence answers a question in words.
    Why(Box<crate::similar::ask::Answer>),
    /// To a question about a class.
    Along(Box<Toward>),
    /// What the model expects at a place.
    Predicted(Box<Prediction>),
}

/// A request that waits for an answer.
pub struct Asker {
    reply: oneshot::Sender<Result<Answer, Refusal>>,
    cancel: CancellationToken,
}

impl Asker {
    /// An asker, and the receiver of its answer.
    pub fn new(cancel: CancellationToken) -> (Asker, oneshot::Receiver<Result<Answer, Refusal>>) {
        let (reply, answer) = oneshot::channel();
        (Asker { reply, cancel }, answer)
    }

    /// Whether the request was cancelled, or its future dropped.
    pub fn withdrawn(&self) -> bool {
        self.cancel.is_cancelled() || self.reply.is_closed()
    }

    /// Sends the answer; a closed receiver is ignored.
    pub fn answer(self, answer: Result<Answer, Refusal>) {
        let _ = self.reply.send(answer);
    }
}

/// The content of a question.
#[derive(Debug, Clone)]
pub enum Ask {
    /// What the model says about the word at an offset.
    Cursor {
        /// The document.
        id: DocumentId,
        /// Its text at the time of the question.
        snapshot: Snapshot,
        /// The offset in bytes.
        offset: usize,
        /// Purpose of the question; it replaces only older questions with the same purpose.
        purpose: &'static str,
    },
    /// The explanation of a range.
    Range {
        /// The document.
        id: DocumentId,
        /// Its text at the time of the question.
        snapshot: Snapshot,
        /// The range in bytes.
        range: ByteRange,
    },
    /// Whether the explanation of the unit at an offset can be trusted.
    Trust {
        /// The document.
        id: DocumentId,
        /// Its text at the time of the question.
        snapshot: Snapshot,
        /// The offset in bytes.
        offset: usize,
    },
    /// Why two passages are similar.
    Compare {
        /// The first passage.
        a: (String, Language),
        /// The second passage.
        b: (String, Language),
        /// The requested part.
        wanted: Wanted,
    },
    /// What of a passage answers a question.
    Look {
        /// The question.
        question: Arc<Asked>,
        /// The passage, and its place among all that are looked into.
        passage: (usize, Arc<Passage>),
    },
    /// Why a sentence of a passage answers a question.
    Why {
        /// The question.
        question: Arc<Asked>,
        /// The passage, and its place among all that are looked into.
        passage: (usize, Arc<Passage>),
        /// The sentence.
        sentence: Scored,
    },
    /// Whether what is said of an answer can be trusted.
    TrustAnswer {
        /// The question.
        question: Arc<Asked>,
        /// The passage with the answer.
        passage: Arc<Passage>,
        /// The answer's place in the document.
        range: ByteRange,
    },
    /// What the words of a text add along a direction of embeddings.
    Along {
        /// The text.
        text: (String, Language),
        /// The direction, as wide as an embedding.
        direction: Arc<[f32]>,
    },
    /// What the model expects at a place.
    Predict {
        /// The document.
        id: DocumentId,
        /// Its text at the time of the question.
        snapshot: Snapshot,
        /// The place in bytes.
        offset: usize,
        /// What is asked of it.
        wish: Wish,
    },
    /// The query for a search.
    Search {
        /// The text, in prose.
        text: String,
    },
}

impl Ask {
    /// The document of the question, and the version that the asker saw.
    pub fn document(&self) -> Option<(&DocumentId, i32)> {
        match self {
            Ask::Cursor { id, snapshot, .. }
            | Ask::Range { id, snapshot, .. }
            | Ask::Trust { id, snapshot, .. }
            | Ask::Predict { id, snapshot, .. } => Some((id, snapshot.version())),
            Ask::Compare { .. }
            | Ask::Look { .. }
            | Ask::Why { .. }
            | Ask::TrustAnswer { .. }
            | Ask::Along { .. }
            | Ask::Search { .. } => None,
        }
    }

    /// Its urgency.
    pub fn priority(&self) -> Priority {
        match self {
            Ask::Cursor { .. }
            | Ask::Search { .. }
            | Ask::Compare {
                wanted: Wanted::Row(..),
                ..
            } => Priority::Cursor,
            Ask::Range { .. }
            | Ask::Trust { .. }
            | Ask::Compare { .. }
            | Ask::Look { .. }
            | Ask::Why { .. }
            | Ask::TrustAnswer { .. }
            | Ask::Along { .. }
            | Ask::Predict { .. } => Priority::Visible,
        }
    }

    /// Whether one answer serves both questions.
    fn same(&self, other: &Ask) -> bool {
        if self.document() != other.document() {
            return false;
        }
        match (self, other) {
            (
                Ask::Cursor {
                    offset: a, purpose: p, ..
                },
                Ask::Cursor {
                    offset: b, purpose: q, ..
                },
            ) => (a, p) == (b, q),
            (Ask::Range { range: a, .. }, Ask::Range { range: b, .. }) => a == b,
            (Ask::Trust { offset: a, .. }, Ask::Trust { offset: b, .. }) => a == b,
            _ => false,
        }
    }

    /// Whether this question makes an older one pointless: same document, same kind.
    fn replaces(&self, older: &Ask) -> bool {
        let (Some((id, _)), Some((older_id, _))) = (self.document(), older.document()) else {
            return false;
        };
        let same_kind = match (self, older) {
            (Ask::Cursor { purpose: p, .. }, Ask::Cursor { purpose: q, .. }) => p == q,
            (Ask::Range { .. }, Ask::Range { .. }) | (Ask::Trust { .. }, Ask::Trust { .. }) => true,
            _ => false,
        };
        same_kind && id == older_id
    }
}

/// A question with all askers that wait for its answer.
pub struct Question {
    /// The content of the question.
    pub ask: Ask,
    askers: Mutex<Vec<Asker>>,
    interruptions: Mutex<u8>,
}

impl Question {
    fn new(ask: Ask, asker: Asker) -> Question {
        Question {
            ask,
            askers: Mutex::new(vec![asker]),
            interruptions: Mutex::new(0),
        }
    }

    /// Whether all askers withdrew.
    pub fn abandoned(&self) -> bool {
        lock(&self.askers).iter().all(Asker::withdrawn)
    }

    /// Whether more urgent work may still interrupt it.
    pub fn interruptible(&self) -> bool {
        *lock(&self.interruptions) < MAX_INTERRUPTIONS
    }

    /// Counts an interruption.
    pub fn interrupted(&self) {
        let mut count = lock(&self.interruptions);
        *count = count.saturating_add(1);
    }

    /// Answers all askers.
    pub fn answer(&self, answer: Result<Answer, Refusal>) {
        let mut askers = std::mem::take(&mut *lock(&self.askers));
        let last = askers.pop();
        for asker in askers {
            asker.answer(answer.clone());
        }
        if let Some(asker) = last {
            asker.answer(answer);
        }
    }

    /// Adds an asker. Returns it if the question is already answered, since an answered question has no askers.
    fn join(&self, asker: Asker) -> Option<Asker> {
        let mut askers = lock(&self.askers);
        if askers.is_empty() {
            return Some(asker);
        }
        askers.push(asker);
        None
    }

    fn waiting(&self) -> usize {
        lock(&self.askers).len()
    }
}

/// The waiting questions, in order of arrival.
#[derive(Default)]
pub struct Queue(VecDeque<Arc<Question>>);

impl Queue {
    /// Adds a question, or joins an equal one that waits or runs.
    /// Questions that it replaces are refused as stale; if one of them runs, it is returned so that the caller stops its computation.
    pub fn push(&mut self, ask: Ask, asker: Asker, running: Option<&Arc<Question>>) -> Option<Arc<Question>> {
        let mut asker = asker;
        for question in self.0.iter().chain(running).filter(|question| question.ask.same(&ask)) {
            match question.join(asker) {
                None => return None,
                Some(refused) => asker = refused,
            }
        }
        self.0.retain(|older| {
            let replaced = ask.replaces(&older.ask);
            if replaced {
                older.answer(Err(Refusal::Stale));
            }
            !replaced
        });
        let stopped = running.filter(|older| ask.replaces(&older.ask)).cloned();
        if let Some(older) = &stopped {
            older.answer(Err(Refusal::Stale));
        }
        self.0.push_back(Arc::new(Question::new(ask, asker)));
        stopped
    }

    /// Puts an interrupted question back, before all others.
    pub fn put_back(&mut self, question: Arc<Question>) {
        self.0.push_front(question);
    }

    /// The priority of the most urgent question.
    pub fn urgency(&self) -> Option<Priority> {
        self.0.iter().map(|question| question.ask.priority()).min()
    }

    /// The oldest of the most urgent questions.
    pub fn pop(&mut self) -> Option<Arc<Question>> {
        let urgency = self.urgency()?;
        let at = self.0.iter().position(|question| question.ask.priority() == urgency)?;
        self.0.remove(at)
    }

    /// Removes questions without waiting askers.
    pub fn purge(&mut self) {
        self.0.retain(|question| {
            lock(&question.askers).retain(|asker| !asker.withdrawn());
            question.waiting() > 0
        });
    }

    /// Number of waiting askers.
    pub fn len(&self) -> usize {
        self.0.iter().map(|question| question.waiting()).sum()
    }

    /// Refuses the questions about a document, except those about version `keep`.
    pub fn refuse_document(&mut self, id: &DocumentId, keep: Option<i32>, refusal: &Refusal) {
        self.0.retain(|question| {
            let hit = question
                .ask
                .document()
                .is_some_and(|(asked, version)| asked == id && Some(version) != keep);
            if hit {
                question.answer(Err(refusal.clone()));
            }
            !hit
        });
    }

    /// Refuses all.
    pub fn refuse_all(&mut self, refusal: &Refusal) {
        for question in self.0.drain(..) {
            question.answer(Err(refusal.clone()));
        }
    }
}
