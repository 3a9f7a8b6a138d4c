//! Measures the calibration of a model once, and stores it.
//!
//! The index stores the vectors of the snippets next to the units of files, under the same kind of addresses.

use std::sync::{Arc, Mutex, PoisonError};

use half::f16;

use super::super::Calibration;
use super::super::calibration::snippets;
use super::reading::{Address, Of, UnitVector, embed_as};
use super::{Index, IndexError, table};
use crate::model::{Model, ModelError, Role};
use crate::text::Language;

/// Calibrations by model identity, for this process.
static KNOWN: Mutex<Vec<(String, Arc<Calibration>)>> = Mutex::new(Vec::new());

/// The calibration of a model.
///
/// If this process does not know it, it embeds 64 short texts.
///
/// # Errors
/// If the model fails.
pub fn calibration(model: &Model) -> Result<Arc<Calibration>, ModelError> {
    known_or_measure(model, || Ok(calibration_of(&vectors(model, |_, _| None)?)))
}

impl Index {
    /// As [`calibration`], but reads stored vectors of the snippets from the index.
    ///
    /// # Errors
    /// If the model fails.
    pub fn calibration(&self, model: &Model) -> Result<Arc<Calibration>, IndexError> {
        known_or_measure(model, || {
            let address = |role: Role, text: &str, language: Language| Address::new(of(role), model, language, text);
            let known = |role, (text, language): (&str, Language)| {
                let found = table::unit(&self.connection, address(role, text, language));
                found.ok().flatten()
            };
            let vectors = vectors(model, known)?;
            let asked = texts().zip(&vectors);
            let rows: Vec<(Address, &UnitVector)> = asked
                .map(|((role, text, language), vector)| (address(role, text, language), vector))
                .collect();
            // Without a writable index, the next process measures again.
            if let Err(error) = table::keep_units(&self.connection, &rows) {
                tracing::debug!(%error, "cannot store the calibration of the model");
            }
            Ok(calibration_of(&vectors))
        })
    }
}

/// The known calibration of a model, or the result of `measure`.
///
/// The embedded model is the reference and has no correction.
fn known_or_measure<E>(model: &Model, measure: impl FnOnce() -> Result<Calibration, E>) -> Result<Arc<Calibration>, E> {
    if model.is_embedded() {
        return Ok(Arc::default());
    }
    let id = &model.info().id;
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, found)) = known().iter().find(|(known, _)| known == id) {
        return Ok(found.clone());
    }
    let found = Arc::new(measure()?);
    // Two threads may measure at the same time; both get the same result.
    known().push((id.clone(), found.clone()));
    Ok(found)
}

/// The texts of a calibration: the functions, then the questions.
fn texts() -> impl Iterator<Item = (Role, &'static str, Language)> {
    let all = snippets();
    let passages: Vec<_> = all
        .iter()
        .map(|snippet| (Role::Passage, snippet.code, snippet.language))
        .collect();
    let questions = all
        .into_iter()
        .map(|snippet| (Role::Query, snippet.question, Language::Prose));
    passages.into_iter().chain(questions)
}

fn of(role: Role) -> Of {
    match role {
        Role::Query => Of::Query,
        Role::Passage | Role::Plain => Of::Unit,
    }
}

/// The vectors of [`texts`]; unknown ones are embedded.
fn vectors(
    model: &Model,
    known: impl Fn(Role, (&str, Language)) -> Option<UnitVector>,
) -> Result<Vec<UnitVector>, ModelError> {
    let vector = |(role, text, language): (Role, &str, Language)| {
        let fits = |unit: &UnitVector| unit.vector.len() == model.hidden();
        if let Some(found) = known(role, (text, language)).filter(fits) {
            return Ok(found);
        }
        let vector = embed_as(model, role, text, language)?;
        Ok(UnitVector {
            tokens: model.count(text, language),
            coverage: 1.0,
            vector: vector.into_iter().map(f16::from_f32).collect(),
        })
    };
    texts().map(vector).collect()
}

fn calibration_of(vectors: &[UnitVector]) -> Calibration {
    let (passages, questions) = split_halves(vectors);
    Calibration::measure(&passages, &questions)
}

/// The vectors of the functions, and of their questions.
type Halves = (Vec<Vec<f32>>, Vec<Vec<f32>>);

fn split_halves(vectors: &[UnitVector]) -> Halves {
    let floats = |unit: &UnitVector| unit.vector.iter().map(|v| v.to_f32()).collect();
    let (passages, questions) = vectors.split_at(vectors.len() / 2);
    (
        passages.iter().map(floats).collect(),
        questions.iter().map(floats).collect(),
    )
}

/// The vectors of the functions and of the questions.
#[cfg(test)]
pub fn snippet_vectors(model: &Model) -> Result<Halves, ModelError> {
    Ok(split_halves(&vectors(model, |_, _| None)?))
}
