//! A document that changes while pages look at it.
//!
//! An edit costs a clone of a rope. The new text is split into units when a page next asks about it, and a page that watches is told
//! that there is one. Without a page nobody asks, and nothing is computed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Explorer, ViewError};
use crate::model::Model;
use crate::text::Snapshot;

/// What a page that follows the editor is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct News {
    /// Grows with every change.
    number: u64,
    /// The version of the document's text.
    version: i32,
    /// Where the cursor is, in bytes; `None` until the editor says.
    cursor: Option<usize>,
}

/// A document, the model that reads it, and the pages that look at it.
pub struct Live {
    model: Model,
    file: String,
    state: Mutex<State>,
    news: watch::Sender<News>,
}

struct State {
    snapshot: Snapshot,
    /// The explorer of the snapshot, once a page asked.
    explorer: Option<Arc<Explorer>>,
}

impl Live {
    /// Shows a document that `model` reads; `file` is its name on the page.
    pub fn new(model: Model, snapshot: Snapshot, file: String) -> Live {
        let news = News {
            number: 1,
            version: snapshot.version(),
            cursor: None,
        };
        Live {
            model,
            file,
            state: Mutex::new(State {
                snapshot,
                explorer: None,
            }),
            news: watch::Sender::new(news),
        }
    }

    /// Shows one text, which does not change.
    pub fn of(explorer: Explorer) -> Live {
        let live = Live::new(explorer.model.clone(), explorer.snapshot.clone(), explorer.file.clone());
        live.lock().explorer = Some(Arc::new(explorer));
        live
    }

    /// The explorer of the text as it is now.
    ///
    /// # Errors
    /// If the interpreter cannot run the model.
    pub fn explorer(&self) -> Result<Arc<Explorer>, ViewError> {
        let mut state = self.lock();
        if let Some(explorer) = &state.explorer {
            return Ok(explorer.clone());
        }
        let explorer = Arc::new(Explorer::new(
            self.model.clone(),
            state.snapshot.clone(),
            self.file.clone(),
        )?);
        state.explorer = Some(explorer.clone());
        Ok(explorer)
    }

    /// The document has another text.
    pub fn change(&self, snapshot: Snapshot) {
        let version = snapshot.version();
        {
            let mut state = self.lock();
            if state.snapshot.is_same(&snapshot) {
                return;
            }
            *state = State {
                snapshot,
                explorer: None,
            };
        }
        self.news.send_modify(|news| {
            *news = News {
                number: news.number + 1,
                version,
                ..*news
            };
        });
    }

    /// The cursor is at a byte of the document.
    pub fn point(&self, byte: usize) {
        self.news.send_if_modified(|news| {
            let moved = news.cursor != Some(byte);
            if moved {
                *news = News {
                    number: news.number + 1,
                    cursor: Some(byte),
                    ..*news
                };
            }
            moved
        });
    }

    /// Waits until there is more to tell than `known`, and tells it: `{"number", "version", "unit"}`. `unit` is the one around the
    /// cursor, or null.
    ///
    /// # Errors
    /// As [`Live::explorer`].
    pub async fn after(&self, known: u64) -> Result<Value, ViewError> {
        let mut watched = self.news.subscribe();
        // The sender lives as long as `self`, so this ends with news.
        let news = match watched.wait_for(|news| news.number > known).await {
            Ok(news) => *news,
            Err(_) => *self.news.borrow(),
        };
        self.told(news)
    }

    /// What there is to tell now, as [`Live::after`] tells it.
    ///
    /// # Errors
    /// As [`Live::explorer`].
    pub fn now(&self) -> Result<Value, ViewError> {
        let news = *self.news.borrow();
        self.told(news)
    }

    fn told(&self, news: News) -> Result<Value, ViewError> {
        let unit = match news.cursor {
            Some(byte) => self.explorer()?.unit_at(byte),
            None => None,
        };
        Ok(json!({ "number": news.number, "version": news.version, "unit": unit }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
