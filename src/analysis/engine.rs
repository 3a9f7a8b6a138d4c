//! What the scheduler needs of a model: a few functions, so that scheduling is tested without one.

use std::fmt::Display;

use super::{SourcesReport, UnitReport};
use crate::explain::surprisal;
use crate::explain::trust::{Trust, trust};
use crate::explain::{Heads, Means, Method, Pair, PairReport, Shares, Which};
use crate::model::{Checkpoint, Model, ModelError, ModelInfo};
use crate::similar::ask::{Looked, Passage, look};
use crate::similar::index::{ReadQuery, route_query};
use crate::text::Language;

/// A loaded model as the model thread sees it.
pub trait Engine: Send + Sync {
    /// Its name, its sizes and the hash of its content.
    fn info(&self) -> ModelInfo;
    /// What reads the files of the workspace beside it, sharing its weights; `None` for one that stands for a model.
    fn model(&self) -> Option<Model> {
        None
    }
    /// The most tokens it reads at once, special tokens included.
    fn window(&self) -> usize;
    /// Tokens of a text, special tokens included.
    fn count(&self, text: &str, language: Language) -> usize;
    /// As [`super::analyze_heads`].
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint says so; otherwise what the model reports.
    fn analyze(
        &self,
        texts: &[(&str, Language)],
        method: Method,
        heads: Heads,
        checkpoint: Checkpoint,
    ) -> Result<Vec<UnitReport>, ModelError>;
    /// As [`super::sources`].
    ///
    /// # Errors
    /// As [`Engine::analyze`].
    fn sources(&self, text: (&str, Language), checkpoint: Checkpoint) -> Result<SourcesReport, ModelError>;
    /// As [`trust`].
    ///
    /// # Errors
    /// As [`Engine::analyze`].
    fn trust(
        &self,
        text: (&str, Language),
        scores: (Method, &[f32]),
        checkpoint: Checkpoint,
    ) -> Result<Trust, ModelError>;
    /// As [`route_query`].
    ///
    /// # Errors
    /// What the model reports.
    fn query(&self, text: &str) -> Result<ReadQuery, ModelError>;
    /// As [`look`].
    ///
    /// # Errors
    /// As [`Engine::analyze`].
    fn look(&self, question: &str, passage: (usize, &Passage), checkpoint: Checkpoint) -> Result<Looked, ModelError>;
    /// As [`Pair::read`].
    ///
    /// # Errors
    /// As [`Engine::analyze`].
    fn read_pair(
        &self,
        a: (&str, Language),
        b: (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Box<dyn Comparison>, ModelError>;
}

/// Two passages that an engine has read.
pub trait Comparison: Send + Sync + std::fmt::Debug {
    /// As [`Pair::totals`], or [`Pair::matrix`] with all `pairs`.
    ///
    /// # Errors
    /// As [`Engine::analyze`].
    fn report(&self, pairs: bool, means: Option<Means>, checkpoint: Checkpoint) -> Result<PairReport, ModelError>;
    /// As [`Pair::row`].
    ///
    /// # Errors
    /// As [`Engine::analyze`].
    fn row(&self, which: Which, word: usize, checkpoint: Checkpoint) -> Result<Option<Shares>, ModelError>;
}

impl Comparison for Pair {
    fn report(&self, pairs: bool, means: Option<Means>, checkpoint: Checkpoint) -> Result<PairReport, ModelError> {
        match pairs {
            true => self.matrix(means, checkpoint),
            false => self.totals(means, checkpoint),
        }
    }

    fn row(&self, which: Which, word: usize, checkpoint: Checkpoint) -> Result<Option<Shares>, ModelError> {
        Pair::row(self, which, word, checkpoint)
    }
}

/// Makes an engine, or says why there is none; called again after the engine panicked.
pub type Loader = Box<dyn Fn() -> Result<Box<dyn Engine>, String> + Send>;

/// A loader out of any function that makes a model.
pub fn loader<E: Engine + 'static, R: Display>(load: impl Fn() -> Result<E, R> + Send + 'static) -> Loader {
    Box::new(move || match load() {
        Ok(engine) => Ok(Box::new(engine)),
        Err(why) => Err(why.to_string()),
    })
}

impl Engine for Model {
    fn info(&self) -> ModelInfo {
        Model::info(self).clone()
    }

    fn model(&self) -> Option<Model> {
        Some(self.clone())
    }

    fn window(&self) -> usize {
        Model::window(self)
    }

    fn count(&self, text: &str, language: Language) -> usize {
        Model::count(self, text, language)
    }

    fn analyze(
        &self,
        texts: &[(&str, Language)],
        method: Method,
        heads: Heads,
        checkpoint: Checkpoint,
    ) -> Result<Vec<UnitReport>, ModelError> {
        // A model without surprisal explains by the default, which each report names; the status says so, too.
        let lacking = method == Method::Surprisal && surprisal::lack(Model::info(self)).is_some();
        let method = if lacking { Method::default() } else { method };
        super::analyze_heads(self, texts, method, heads, checkpoint)
    }

    fn sources(&self, text: (&str, Language), checkpoint: Checkpoint) -> Result<SourcesReport, ModelError> {
        super::sources(self, text, checkpoint)
    }

    fn trust(
        &self,
        text: (&str, Language),
        scores: (Method, &[f32]),
        checkpoint: Checkpoint,
    ) -> Result<Trust, ModelError> {
        trust(&self.of_reader(self.reader(text.0, text.1)), text, scores, checkpoint)
    }

    fn query(&self, text: &str) -> Result<ReadQuery, ModelError> {
        route_query(self, text)
    }

    fn look(&self, question: &str, passage: (usize, &Passage), checkpoint: Checkpoint) -> Result<Looked, ModelError> {
        look(self, question, passage, checkpoint)
    }

    fn read_pair(
        &self,
        a: (&str, Language),
        b: (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Box<dyn Comparison>, ModelError> {
        Ok(Box::new(Pair::read(self, a, b, checkpoint)?))
    }
}

impl Engine for Box<dyn Engine> {
    fn info(&self) -> ModelInfo {
        (**self).info()
    }

    fn model(&self) -> Option<Model> {
        (**self).model()
    }

    fn window(&self) -> usize {
        (**self).window()
    }

    fn count(&self, text: &str, language: Language) -> usize {
        (**self).count(text, language)
    }

    fn analyze(
        &self,
        texts: &[(&str, Language)],
        method: Method,
        heads: Heads,
        checkpoint: Checkpoint,
    ) -> Result<Vec<UnitReport>, ModelError> {
        (**self).analyze(texts, method, heads, checkpoint)
    }

    fn sources(&self, text: (&str, Language), checkpoint: Checkpoint) -> Result<SourcesReport, ModelError> {
        (**self).sources(text, checkpoint)
    }

    fn trust(
        &self,
        text: (&str, Language),
        scores: (Method, &[f32]),
        checkpoint: Checkpoint,
    ) -> Result<Trust, ModelError> {
        (**self).trust(text, scores, checkpoint)
    }

    fn query(&self, text: &str) -> Result<ReadQuery, ModelError> {
        (**self).query(text)
    }

    fn look(&self, question: &str, passage: (usize, &Passage), checkpoint: Checkpoint) -> Result<Looked, ModelError> {
        (**self).look(question, passage, checkpoint)
    }

    fn read_pair(
        &self,
        a: (&str, Language),
        b: (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Box<dyn Comparison>, ModelError> {
        (**self).read_pair(a, b, checkpoint)
    }
}
