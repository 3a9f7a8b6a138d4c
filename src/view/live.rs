//! A document that changes while pages look at it.
//!
//! An edit costs a clone of a rope. The new text is split into units when a page next asks about it, and watching pages are notified.
//! Without a page, nothing is computed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Explorer, ViewError};
use crate::model::Model;
use crate::text::Snapshot;

/// The state that a following page receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct News {
    /// Grows with every change.
    number: u64,
    /// The version of the document's text.
    version: i32,
    /// The byte offset of the cursor; `None` until the editor sends it.
    cursor: Option<usize>,
}

/// A document, the model that reads it, and the pages that look at it.
pub struct Live {
    model: Model,
    file: String,
    state: Mutex<State>,
    /// Locked while an explorer is built: each text gets only one, and edits do not wait for it.
    making: Mutex<()>,
    news: watch::Sender<News>,
}

struct State {
    snapshot: Snapshot,
    /// The explorer of the snapshot, built on first use.
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
            making: Mutex::new(()),
            news: watch::Sender::new(news),
        }
    }

    /// Shows one text, which does not change.
    pub fn of(explorer: Explorer) -> Live {
        let live = Live::new(explorer.model.clone(), explorer.snapshot.clone(), explorer.file.clone());
        live.lock().explorer = Some(Arc::new(explorer));
        live
    }

    /// The explorer of the current text.
    ///
    /// # Errors
    /// If the interpreter cannot run the model.
    pub fn explorer(&self) -> Result<Arc<Explorer>, ViewError> {
        let _made = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = {
            let state = self.lock();
            if let Some(explorer) = &state.explorer {
                return Ok(explorer.clone());
            }
            state.snapshot.clone()
        };
        let explorer = Explorer::new(self.model.clone(), snapshot.clone(), self.file.clone())?;
        let explorer = Arc::new(explorer);
        let mut state = self.lock();
        if state.snapshot.is_same(&snapshot) {
            state.explorer = Some(explorer.clone());
        }
        Ok(explorer)
    }

    /// Replaces the text of the document.
    pub fn change(&self, snapshot: Snapshot) {
        let version = snapshot.version();
        *self.lock() = State {
            snapshot,
            explorer: None,
        };
        self.news.send_modify(|news| {
            *news = News {
                number: news.number + 1,
                version,
                ..*news
            };
        });
    }

    /// Moves the cursor to a byte of the document.
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

    /// Waits until there is news after `known`.
    pub async fn changed(&self, known: u64) {
        // The sender lives as long as `self`, so this ends with news.
        let _ = self.news.subscribe().wait_for(|news| news.number > known).await;
    }

    /// The current state: `{"number", "version", "unit"}`. `unit` is the one around the cursor, or null. It may take as long as
    /// [`Live::explorer`].
    ///
    /// # Errors
    /// Errors of [`Live::explorer`].
    pub fn now(&self) -> Result<Value, ViewError> {
        let news = *self.news.borrow();
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
