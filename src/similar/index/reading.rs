//! A file's text → its items and the units they are made of, and the vectors of units.

use std::sync::Arc;

use half::f16;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::super::fingerprint::Fingerprint;
use super::super::vector::normalize;
use super::super::words::WordCounts;
use super::super::{Part, embed, units_of};
use super::files::File;
use super::notebook::{Notebook, is_notebook};
use super::{IndexedItem, Limits, passages};
use crate::model::{Checkpoint, Model, ModelError, Packed, Role, Tokens, TraceLevel, UNSTOPPED};
use crate::segment::ItemKind;
use crate::text::{Language, Snapshot};

/// The version of what is in the index. To be raised by whoever changes which items a file has, or their vectors.
pub(super) const CONTENTS: u32 = 7;

/// The content address of a file or a unit: 128 bits of SHA-256 over all that its items or its vector depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub [u8; 16]);

/// What an address is of.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    File,
    Unit,
    /// A text that was read as a query.
    Query,
    /// A notebook: a JSON file with the same bytes has other items.
    Notebook,
}

impl Address {
    /// The address of a text in a language, read by a model.
    pub fn new(of: Of, model: &Model, language: Language, text: &str) -> Address {
        let mut hash = Sha256::new();
        hash.update(CONTENTS.to_le_bytes());
        hash.update([of as u8]);
        // Each field ends where its length says, so that no two are spelled the same.
        for field in [&*model.info().id, language.name(), text] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
        let mut address = [0; 16];
        address
            .iter_mut()
            .zip(hash.finalize())
            .for_each(|(to, from)| *to = from);
        Address(address)
    }
}

/// A unit that an item is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    pub address: Address,
    pub language: Language,
    pub text: String,
}

/// A stretch of a file that a search can find: what people name, or what stands around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The item; of [`ItemKind::File`] for what stands in none, whose name is that of the file and is not known here.
    pub item: IndexedItem,
    /// The units whose embeddings make its vector.
    pub units: Vec<usize>,
    /// Its words.
    pub words: WordCounts,
    /// What its text is made of, for a decision about copies; empty for what stands in no item.
    pub fingerprint: Arc<Fingerprint>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The language that it was read in: of a notebook that of its kernel.
    pub language: Language,
    /// The units that its passages are made of.
    pub units: Vec<Unit>,
    /// Its items in order, then what stands in none of them.
    pub passages: Vec<Passage>,
}

/// Reads the text of a file: of a notebook its cells.
pub fn read_file(model: &Model, text: &str, file: &File) -> Contents {
    match is_notebook(&file.path).then(|| Notebook::read(text)).flatten() {
        Some(notebook) => {
            let mut contents = read(model, &notebook.text, notebook.language);
            notebook.place(text, &mut contents);
            contents
        }
        None => read(model, text, file.language),
    }
}

/// Reads a text.
pub fn read(model: &Model, text: &str, language: Language) -> Contents {
    let snapshot = Snapshot::new(text, 0, language);
    let segments = model.segment(&snapshot);
    let mut units = Vec::new();
    let mut push = |text: &str, language: Language| {
        units.push(Unit {
            address: Address::new(Of::Unit, model, language, text),
            language,
            text: text.to_owned(),
        });
        units.len() - 1
    };
    // The number that a unit of the segments has among those that are needed.
    let mut numbers: Vec<Option<usize>> = vec![None; segments.units.len()];
    let mut passages = Vec::with_capacity(segments.items.len() + 1);
    for (index, item) in segments.items.iter().enumerate() {
        let own = units_of(&segments, index).into_iter().map(|unit| {
            let segment = &segments.units[unit];
            *numbers[unit].get_or_insert_with(|| push(&text[segment.range.clone()], segment.language))
        });
        let units = own.collect();
        passages.push(Passage {
            item: IndexedItem::of(&snapshot, item),
            units,
            words: passages::item_words(text, &segments, index),
            fingerprint: Arc::new(Fingerprint::of(&text[item.range.clone()], language)),
        });
    }
    for piece in passages::around_items(text, &segments) {
        let read = match piece.names_alone {
            true => Vec::new(),
            false => passages::fitting(model, &piece.text, language),
        };
        passages.push(Passage {
            units: read.iter().map(|text| push(text, language)).collect(),
            item: IndexedItem::of_file(&snapshot, &piece.range),
            words: WordCounts::of(&piece.text),
            fingerprint: Arc::default(),
        });
    }
    Contents {
        language,
        units,
        passages,
    }
}

/// What is kept of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitVector {
    /// Word pieces, special tokens included, without those of a prompt.
    pub tokens: usize,
    /// The share of its letters that the vocabulary can read.
    pub coverage: f32,
    /// Its embedding, of unit length.
    pub vector: Vec<f16>,
}

/// Embeds units, `pass` tokens at a time: one answer per unit, in order.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint says so between layers; otherwise what the model reports.
pub fn embed_units(
    model: &Model,
    units: &[(&str, Language)],
    pass: usize,
    checkpoint: Checkpoint,
) -> Result<Vec<UnitVector>, ModelError> {
    let read = units
        .par_iter()
        .map(|(text, language)| model.tokenize_as(Role::Passage, text, *language))
        .collect::<Result<Vec<_>, _>>()?;
    let mut vectors = Vec::with_capacity(units.len());
    let mut rest = read.as_slice();
    while !rest.is_empty() {
        let mut tokens = 0;
        let fits = |unit: &&Tokens| {
            tokens += unit.len();
            tokens <= pass
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (now, later) = rest.split_at(count);
        let batch = Packed::new(now.iter().map(|tokens| tokens.ids.as_slice()));
        let traces = model.encoder().forward(&batch, TraceLevel::LastHidden, checkpoint)?;
        for (tokens, trace) in now.iter().zip(&traces) {
            let mut pooled = model.pool_of(tokens, trace)?;
            normalize(&mut pooled);
            vectors.push(UnitVector {
                tokens: tokens.of_text(),
                coverage: tokens.coverage,
                vector: pooled.into_iter().map(f16::from_f32).collect(),
            });
        }
        rest = later;
    }
    Ok(vectors)
}

/// The vector of an item by its units; `None` where it cannot be compared ([`embed`]).
pub fn item_vector(units: &[&UnitVector]) -> Option<Arc<[f32]>> {
    let wide: Vec<Vec<f32>> = units
        .iter()
        .map(|unit| unit.vector.iter().map(|v| v.to_f32()).collect())
        .collect();
    let parts: Vec<Part> = units
        .iter()
        .zip(&wide)
        .map(|(unit, embedding)| Part {
            embedding,
            tokens: unit.tokens,
            coverage: unit.coverage,
        })
        .collect();
    embed(&parts)
}

/// An item with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedItem {
    /// The item.
    pub item: IndexedItem,
    /// Its vector, of unit length and not centered; zeros for one that cannot be compared ([`embed`]).
    pub vector: Arc<[f32]>,
    /// Its words.
    pub words: WordCounts,
    /// What its text is made of.
    pub fingerprint: Arc<Fingerprint>,
}

impl EmbeddedItem {
    /// Whether its vector says anything.
    pub fn is_comparable(&self) -> bool {
        self.vector.iter().any(|v| *v != 0.0)
    }
}

/// The items of a text that can be compared, as the index would have them.
///
/// # Errors
/// What the model reports.
pub fn embed_items(model: &Model, text: &str, language: Language) -> Result<Vec<EmbeddedItem>, ModelError> {
    let contents = read(model, text, language);
    let texts: Vec<(&str, Language)> = contents.units.iter().map(|unit| (&*unit.text, unit.language)).collect();
    let units = embed_units(model, &texts, Limits::default().pass, UNSTOPPED)?;
    let items = contents.passages.into_iter().filter_map(|passage| {
        if passage.item.kind == ItemKind::File {
            return None;
        }
        let own: Vec<&UnitVector> = passage.units.iter().map(|unit| &units[*unit]).collect();
        Some(EmbeddedItem {
            vector: item_vector(&own)?,
            item: passage.item,
            words: passage.words,
            fingerprint: passage.fingerprint,
        })
    });
    Ok(items.collect())
}

/// What a text such as a question in prose is searched by, of unit length; zeros where the model makes nothing of it. A text longer than
/// the window is asked by what of it fits.
///
/// # Errors
/// What the model reports.
pub fn embed_query(model: &Model, text: &str) -> Result<Vec<f32>, ModelError> {
    embed_as(model, Role::Query, text, Language::Prose)
}

/// As [`embed_query`], of a text that is read as something else.
pub fn embed_as(model: &Model, role: Role, text: &str, language: Language) -> Result<Vec<f32>, ModelError> {
    embed_tokens(model, model.tokenize_as(role, text, language)?)
}

/// The embedding of a tokenized text, of unit length; zeros where the model makes nothing of it.
pub(super) fn embed_tokens(model: &Model, mut tokens: Tokens) -> Result<Vec<f32>, ModelError> {
    tokens.cut(model.info().window);
    let batch = Packed::new([tokens.ids.as_slice()]);
    let traces = model.encoder().forward(&batch, TraceLevel::LastHidden, UNSTOPPED)?;
    let mut query = match traces.first() {
        Some(trace) => model.pool_of(&tokens, trace)?,
        None => Vec::new(),
    };
    if !normalize(&mut query) {
        query = vec![0.0; model.hidden()];
    }
    Ok(query)
}
