//! Loads the model, and restarts it after a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Refusal;
use super::address::Setting;
use super::compute::{Attempt, INTERNAL_ERROR, Quarantine};
use super::document::Stage;
use super::engine::Engine;
use super::options::{Event, ModelStatus};
use super::scheduler::Action;
use super::worker::Worker;

/// Maximum number of restarts within [`PANIC_WINDOW`].
const MAX_RESTARTS: usize = 3;

/// Panics further apart than this are counted separately.
const PANIC_WINDOW: Duration = Duration::from_secs(60);

impl Worker {
    pub(super) fn load(&mut self) {
        // The old model is dropped first, because memory may not suffice for two.
        self.engine = None;
        let waiting = self.shared.state().loader.take();
        let Some(loader) = waiting.or_else(|| self.loader.take()) else {
            return;
        };
        let started = Instant::now();
        let pool = &self.pool;
        let loaded = catch_unwind(AssertUnwindSafe(|| {
            pool.install(move || {
                let engine = loader();
                (loader, engine)
            })
        }));
        let loaded = match loaded {
            Ok((loader, engine)) => {
                self.loader = Some(loader);
                engine
            }
            Err(_) => Err("an internal error occurred while the model was loaded".to_owned()),
        };
        let ms = started.elapsed().as_millis() as u64;
        let event = match loaded {
            Ok(engine) => self.loaded(engine, ms),
            Err(why) => self.give_up(why),
        };
        self.shared.tell(event);
    }

    fn loaded(&mut self, engine: Box<dyn Engine>, ms: u64) -> Event {
        let info = engine.info();
        let reader = engine.model();
        self.engine = Some(engine);
        let mut state = self.shared.state();
        let aware = state.options.identifier_aware;
        state.indexing.model = reader.map(|model| model.identifier_aware(aware));
        state.indexing.generation += 1;
        state.indexing.due = Some(Instant::now());
        let setting = Setting {
            model: info.results_id(),
            method: state.options.method,
            heads: state.options.heads,
            identifier_aware: state.options.identifier_aware,
        };
        // After a panic the same model comes back, and its earlier results still hold.
        if state.setting.as_ref().is_none_or(|old| old.model != setting.model) {
            state.documents.restart(true, Instant::now());
            match state.setting.is_some() {
                true => state.lenses.changed(),
                // Before the first model no item had a vector.
                false => state.lenses.skip(),
            }
            self.quarantine = Quarantine::default();
        }
        state.setting = Some(Arc::new(setting));
        if state.loader.is_none() {
            state.model = ModelStatus::Ready(Box::new(info));
        }
        drop(state);
        self.shared.wake_index();
        Event::ModelReady { ms }
    }

    fn give_up(&mut self, why: String) -> Event {
        let mut state = self.shared.state();
        // Another model that waits to be loaded may still answer the questions.
        if state.loader.is_none() {
            state.model = ModelStatus::Failed(why.clone());
            state.refuse_all(&Refusal::Failed(why.clone()));
        }
        Event::ModelFailed(why)
    }

    /// After a panic: quarantines its cause, and restarts the model unless that happened too often.
    pub(super) fn panicked(&mut self, action: &Action) {
        match std::mem::take(&mut self.attempt) {
            Attempt::Nothing => {}
            Attempt::Texts(keys) => self.quarantine.blame(&keys),
            Attempt::Segmenting(id, revision) => {
                if let Some(document) = self.shared.state().documents.at_revision(&id, revision) {
                    document.stage = Stage::Broken;
                    document.failure = Some(INTERNAL_ERROR.into());
                    document.finish_if_complete();
                }
            }
        }
        if let Action::Answer(question, _) = action {
            question.answer(Err(Refusal::Failed(INTERNAL_ERROR.into())));
        }
        let now = Instant::now();
        self.panics.push_back(now);
        self.panics.retain(|at| now.duration_since(*at) < PANIC_WINDOW);
        let given_up = self.panics.len() > MAX_RESTARTS;
        let restarts = self.panics.len().min(MAX_RESTARTS) as u32;
        self.engine = None;
        if given_up {
            self.panics.clear();
            self.give_up("the model stopped after repeated internal errors".into());
        } else {
            self.shared.state().model = ModelStatus::Loading;
        }
        self.shared.tell(Event::Panicked { restarts, given_up });
    }
}
