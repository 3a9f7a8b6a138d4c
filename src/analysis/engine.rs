//! The interface between scheduler and model, so that tests of the scheduler need no model.

use std::fmt::Display;

use super::{SourcesReport, UnitReport};
use crate::explain::predict::{self, Prediction, Wish};
use crate::explain::surprisal;
use crate::explain::trust::{Trust, trust};
use crate::explain::{Directed, Heads, Means, Method, Pair, PairReport, Parts, Shares, Which};
use crate::model::{Checkpoint, Model, ModelError, ModelInfo};
use crate::similar::ask::{self, Looked, Passage, Question, Scored, look};
use crate::similar::index::{ReadQuery, route_query};
use crate::text::{ByteRange, Language, Snapshot};

/// A loaded model, as the model thread uses it.
pub trait Engine: Send + Sync {
    /// The model's name, sizes and content hash.
    fn info(&self) -> ModelInfo;
    /// The model that reads the files of the workspace and shares the weights; `None` for a stand-in.
    fn model(&self) -> Option<Model> {
        None
    }
    /// Maximum number of tokens in one text, special tokens included.
    fn window(&self) -> usize;
    /// Number of tokens of a text, special tokens included.
    fn count(&self, text: &str, language: Language) -> usize;
    /// Same as [`super::analyze_heads`].
    ///
    /// # Errors
    /// [`ModelError::Stopped`] if the checkpoint stops it; otherwise the error of the model.
    fn analyze(
        &self,
        texts: &[(&str, Language)],
        method: Method,
        heads: Heads,
        checkpoint: Checkpoint,
    ) -> Result<Vec<UnitReport>, ModelError>;
    /// Same as [`super::sources`].
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn sources(&self, text: (&str, Language), checkpoint: Checkpoint) -> Result<SourcesReport, ModelError>;
    /// Same as [`trust`].
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn trust(
        &self,
        text: (&str, Language),
        scores: (Method, &[f32]),
        checkpoint: Checkpoint,
    ) -> Result<Trust, ModelError>;
    /// Same as [`route_query`].
    ///
    /// # Errors
    /// The error of the model.
    fn query(&self, text: &str) -> Result<ReadQuery, ModelError>;
    /// Same as [`look`].
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn look(
        &self,
        question: &Question,
        passage: (usize, &Passage),
        checkpoint: Checkpoint,
    ) -> Result<Looked, ModelError>;
    /// Same as [`ask::explain`] by the decomposition.
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn explain_answer(
        &self,
        question: &Question,
        passage: (usize, &Passage),
        own: &Scored,
        checkpoint: Checkpoint,
    ) -> Result<ask::Answer, ModelError>;
    /// Same as [`ask::trust`].
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn trust_answer(
        &self,
        question: &Question,
        answer: (&Passage, &ByteRange),
        checkpoint: Checkpoint,
    ) -> Result<Option<Trust>, ModelError>;
    /// The embedding of a text, and what its words add along a direction ([`Directed::along`]).
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn along(&self, text: (&str, Language), direction: &[f32], checkpoint: Checkpoint) -> Result<Toward, ModelError>;
    /// Same as [`predict::predict`].
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn predict(
        &self,
        document: &Snapshot,
        at: usize,
        wish: &Wish,
        checkpoint: Checkpoint,
    ) -> Result<Prediction, ModelError>;
    /// Same as [`Pair::read`].
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn read_pair(
        &self,
        a: (&str, Language),
        b: (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Box<dyn Comparison>, ModelError>;
}

/// A text along a direction of embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Toward {
    /// Its embedding, of unit length.
    pub embedding: Vec<f32>,
    /// What its words add.
    pub along: Parts,
}

/// Two passages that an engine has read.
pub trait Comparison: Send + Sync + std::fmt::Debug {
    /// Same as [`Pair::totals`], or as [`Pair::matrix`] if `pairs` is set.
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn report(&self, pairs: bool, means: Option<Means>, checkpoint: Checkpoint) -> Result<PairReport, ModelError>;
    /// Same as [`Pair::row`].
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn row(&self, which: Which, word: usize, checkpoint: Checkpoint) -> Result<Option<Shares>, ModelError>;
    /// Same as [`Pair::trust`].
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    fn trust(&self, means: Option<Means>, checkpoint: Checkpoint) -> Result<Trust, ModelError>;
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

    fn trust(&self, means: Option<Means>, checkpoint: Checkpoint) -> Result<Trust, ModelError> {
        Pair::trust(self, means, checkpoint)
    }
}

/// Makes an engine or returns the reason for failure; called again after a panic of the engine.
pub type Loader = Box<dyn Fn() -> Result<Box<dyn Engine>, String> + Send>;

/// A loader from any function that makes a model.
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

    fn look(
        &self,
        question: &Question,
        passage: (usize, &Passage),
        checkpoint: Checkpoint,
    ) -> Result<Looked, ModelError> {
        look(self, question, passage, Method::Decomposition, checkpoint)
    }

    fn explain_answer(
        &self,
        question: &Question,
        passage: (usize, &Passage),
        own: &Scored,
        checkpoint: Checkpoint,
    ) -> Result<ask::Answer, ModelError> {
        ask::explain(self, question, passage, own, Method::Decomposition, checkpoint)
    }

    fn trust_answer(
        &self,
        question: &Question,
        answer: (&Passage, &ByteRange),
        checkpoint: Checkpoint,
    ) -> Result<Option<Trust>, ModelError> {
        ask::trust(self, question, answer, checkpoint)
    }

    fn along(&self, text: (&str, Language), direction: &[f32], checkpoint: Checkpoint) -> Result<Toward, ModelError> {
        let read = Directed::read(self, text, checkpoint)?;
        Ok(Toward {
            embedding: read.embedding(),
            along: read.along(direction, Method::Decomposition, checkpoint)?,
        })
    }

    fn predict(
        &self,
        document: &Snapshot,
        at: usize,
        wish: &Wish,
        checkpoint: Checkpoint,
    ) -> Result<Prediction, ModelError> {
        predict::predict(self, document, at, wish, checkpoint)
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

    fn look(
        &self,
        question: &Question,
        passage: (usize, &Passage),
        checkpoint: Checkpoint,
    ) -> Result<Looked, ModelError> {
        (**self).look(question, passage, checkpoint)
    }

    fn explain_answer(
        &self,
        question: &Question,
        passage: (usize, &Passage),
        own: &Scored,
        checkpoint: Checkpoint,
    ) -> Result<ask::Answer, ModelError> {
        (**self).explain_answer(question, passage, own, checkpoint)
    }

    fn trust_answer(
        &self,
        question: &Question,
        answer: (&Passage, &ByteRange),
        checkpoint: Checkpoint,
    ) -> Result<Option<Trust>, ModelError> {
        (**self).trust_answer(question, answer, checkpoint)
    }

    fn along(&self, text: (&str, Language), direction: &[f32], checkpoint: Checkpoint) -> Result<Toward, ModelError> {
        (**self).along(text, direction, checkpoint)
    }

    fn predict(
        &self,
        document: &Snapshot,
        at: usize,
        wish: &Wish,
        checkpoint: Checkpoint,
    ) -> Result<Prediction, ModelError> {
        (**self).predict(document, at, wish, checkpoint)
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
