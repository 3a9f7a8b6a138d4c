//! Questions that wait for the model thread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{CancelToken, CursorReport, DocumentId, DocumentReport, Refusal, TrustReport, UnitReport};
use crate::explain::{PairReport, Shares, Which};
use crate::similar::ask::{Looked, Passage};
use crate::similar::index::ReadQuery;
use crate::text::{ByteRange, Language, Snapshot};

/// The most askers that may wait; a client that floods is told so instead of being served late.
pub const MAX_WAITING: usize = 256;

/// How often a question or batch may be stopped for something more urgent before it runs to its end.
pub const MAX_INTERRUPTIONS: u8 = 3;

/// What goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits with the cursor on a word.
    Cursor,
    /// Somebody looks at it.
    Visible,
    /// The document somebody works in.
    Document,
    /// Everything else that is open.
    Rest,
}

/// A mutex whose poison is ignored: what it guards is always left whole, and one panic must not silence the rest.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What of a comparison is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What each word adds in all.
    Totals,
    /// The matrix of all pairs, which takes long.
    Matrix,
    /// The pairs of one word.
    Row(Which, usize),
}

/// What can be answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To a question about the word at an offset.
    Cursor(Option<CursorReport>),
    /// To a question about a range.
    Range(Arc<UnitReport>),
    /// To a question about a whole document.
    Document(Arc<DocumentReport>),
    /// To a comparison.
    Pair(Box<PairReport>),
    /// To a question about one word of a comparison; `None` where there is no such word.
    Row(Option<Shares>),
    /// To a question whether an explanation can be trusted; `None` where there is no text.
    Trust(Option<Box<TrustReport>>),
    /// To a search: what the model makes of it.
    Query(ReadQuery),
    /// To a question in words: what a passage holds.
    Looked(Looked),
}

/// Who waits for an answer.
pub struct Asker {
    reply: oneshot::Sender<Result<Answer, Refusal>>,
    cancel: CancelToken,
}

impl Asker {
    /// An asker, and where its answer will arrive.
    pub fn new(cancel: CancelToken) -> (Asker, oneshot::Receiver<Result<Answer, Refusal>>) {
        let (reply, answer) = oneshot::channel();
        (Asker { reply, cancel }, answer)
    }

    /// Whether nobody waits any more: cancelled, or the future was dropped.
    pub fn withdrawn(&self) -> bool {
        self.cancel.is_cancelled() || self.reply.is_closed()
    }

    /// Answers; one who no longer waits is not missed.
    pub fn answer(self, answer: Result<Answer, Refusal>) {
        let _ = self.reply.send(answer);
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Ask {
    /// What the model says about the word at an offset.
    Cursor {
        /// The document.
        id: DocumentId,
        /// Its text when asked.
        snapshot: Snapshot,
        /// Where.
        offset: usize,
        /// For which purpose: only a newer question for the same purpose replaces it.
        purpose: &'static str,
    },
    /// The explanation of a range.
    Range {
        /// The document.
        id: DocumentId,
        /// Its text when asked.
        snapshot: Snapshot,
        /// Where.
        range: ByteRange,
    },
    /// Whether the explanation of the unit at an offset can be trusted.
    Trust {
        /// The document.
        id: DocumentId,
        /// Its text when asked.
        snapshot: Snapshot,
        /// Where.
        offset: usize,
    },
    /// Why two passages are similar.
    Compare {
        /// One.
        a: (String, Language),
        /// The other.
        b: (String, Language),
        /// What of it.
        wanted: Wanted,
    },
    /// What of a passage answers a question.
    Look {
        /// The question.
        question: Arc<str>,
        /// The passage, and its place among all that are looked into.
        passage: (usize, Arc<Passage>),
    },
    /// What a text is searched by.
    Search {
        /// The text, in prose.
        text: String,
    },
}

impl Ask {
    /// The document asked about and the version the asker saw.
    pub fn document(&self) -> Option<(&DocumentId, i32)> {
        match self {
            Ask::Cursor { id, snapshot, .. } | Ask::Range { id, snapshot, .. } | Ask::Trust { id, snapshot, .. } => {
                Some((id, snapshot.version()))
            }
            Ask::Compare { .. } | Ask::Look { .. } | Ask::Search { .. } => None,
        }
    }

    /// How urgent it is.
    pub fn priority(&self) -> Priority {
        match self {
            Ask::Cursor { .. }
            | Ask::Search { .. }
            | Ask::Compare {
                wanted: Wanted::Row(..),
                ..
            } => Priority::Cursor,
            Ask::Range { .. } | Ask::Trust { .. } | Ask::Compare { .. } | Ask::Look { .. } => Priority::Visible,
        }
    }

    /// Whether one answer serves both.
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

    /// Whether the newer makes the older pointless: same document, same kind.
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

/// A question with everybody who waits for its answer.
pub struct Question {
    /// What is asked.
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

    /// Whether nobody waits for the answer.
    pub fn abandoned(&self) -> bool {
        lock(&self.askers).iter().all(Asker::withdrawn)
    }

    /// Whether it may still be stopped for something more urgent.
    pub fn interruptible(&self) -> bool {
        *lock(&self.interruptions) < MAX_INTERRUPTIONS
    }

    /// Notes that it was stopped for something more urgent.
    pub fn interrupted(&self) {
        let mut count = lock(&self.interruptions);
        *count = count.saturating_add(1);
    }

    /// Answers everybody who waits.
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

    /// Adds an asker, or gives it back: an answered question has no askers left and takes none.
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

/// The questions that wait, in the order they came.
#[derive(Default)]
pub struct Queue(VecDeque<Arc<Question>>);

impl Queue {
    /// Adds a question, or joins an equal one that waits or runs. What it replaces is refused as stale; a replaced one that
    /// runs is returned, for its computation to be stopped.
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

    /// Puts back a question that was stopped, before all others.
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

    /// Forgets questions nobody waits for.
    pub fn purge(&mut self) {
        self.0.retain(|question| {
            lock(&question.askers).retain(|asker| !asker.withdrawn());
            question.waiting() > 0
        });
    }

    /// How many askers wait.
    pub fn len(&self) -> usize {
        self.0.iter().map(|question| question.waiting()).sum()
    }

    /// Refuses the questions about a document, but for those about one version of it.
    pub fn refuse_document(&mut self, id: &DocumentId, keep: Option<i32>, refusal: &Refusal) {
        self.0.retain(|question| {
            let hit = question
                .ask
                .document()
                .is_some_and(|(of, version)| of == id && Some(version) != keep);
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
