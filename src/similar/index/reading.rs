//! Splits the text of a file into items and units, and embeds the units.

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

/// Version of the index contents. Raise it when the items of a file or their vectors change.
pub(super) const CONTENTS: u32 = 12;

/// Content address of a file or a unit. It contains 128 bits of SHA-256 over everything that determines its items or vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub [u8; 16]);

/// The kind of content that an address identifies.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    File,
    Unit,
    /// A text that was embedded as a query.
    Query,
    /// A notebook: it has other items than a JSON file with the same bytes.
    Notebook,
}

impl Address {
    /// The address of a text in a language, for a model.
    pub fn new(of: Of, model: &Model, language: Language, text: &str) -> Address {
        let mut hash = Sha256::new();
        hash.update(CONTENTS.to_le_bytes());
        hash.update([of as u8]);
        // A length prefix per field avoids collisions between different field borders.
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

/// A unit of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    pub address: Address,
    pub language: Language,
    pub text: String,
}

/// A part of a file that a search can find: an item, or other text.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The item. Text outside of items has [`ItemKind::File`], and its name (that of the file) is not known here.
    pub item: IndexedItem,
    /// The units whose embeddings make its vector.
    pub units: Vec<usize>,
    /// Its words.
    pub words: WordCounts,
    /// Hashes of its text, for the detection of copies; empty outside of items, and for an item that only wraps a type, so that it is part of no
    /// pair.
    pub fingerprint: Arc<Fingerprint>,
}

/// The contents of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The language in which it was read; for a notebook, the language of its kernel.
    pub language: Language,
    /// The units of its passages.
    pub units: Vec<Unit>,
    /// Its items in order, then the passages outside of items.
    pub passages: Vec<Passage>,
}

/// How the files of a folder are read and embedded.
pub(super) struct Reader<'a> {
    pub model: &'a Model,
    pub limits: &'a Limits,
    pub checkpoint: Checkpoint<'a>,
}

/// Reads the text of a file; of a notebook, its cells.
pub fn read_file(model: &Model, text: &str, file: &File) -> Contents {
    match is_notebook(&file.path).then(|| Notebook::read(text)).flatten() {
        Some(notebook) => {
            let mut contents = read(model, &notebook.text, notebook.language);
            notebook.place(text, contents.passages.iter_mut().map(|passage| &mut passage.item));
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
    // For each unit of the segments, its index among the units in use.
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
            fingerprint: passages::item_fingerprint(text, &segments, index, language),
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

/// The stored data of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitVector {
    /// Number of word pieces of the text: without special tokens and a prompt.
    pub tokens: usize,
    /// Share of its letters that the vocabulary can read.
    pub coverage: f32,
    /// Its normalized embedding.
    pub vector: Vec<f16>,
}

/// Embeds units, `pass` tokens at a time; returns one vector per unit, in order.
///
/// # Errors
/// [`ModelError::Stopped`] if the checkpoint requests it between layers; other errors of the model.
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

/// The vector of an item, computed from its units. `None` if it cannot be compared ([`embed`]).
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
    /// Its unit vector, not centered; zeros if it cannot be compared ([`embed`]).
    pub vector: Arc<[f32]>,
    /// Its words.
    pub words: WordCounts,
    /// Hashes of its text.
    pub fingerprint: Arc<Fingerprint>,
}

impl EmbeddedItem {
    /// Whether it has a vector.
    pub fn is_comparable(&self) -> bool {
        self.vector.iter().any(|v| *v != 0.0)
    }
}

/// The comparable items of a text, as the index would store them.
///
/// # Errors
/// If the model fails.
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

/// The normalized embedding of a query, such as a question in prose. Zeros if the model cannot read it.
///
/// Of a text longer than the window, only the beginning counts.
///
/// # Errors
/// If the model fails.
pub fn embed_query(model: &Model, text: &str) -> Result<Vec<f32>, ModelError> {
    embed_as(model, Role::Query, text, Language::Prose)
}

/// As [`embed_query`], for a text in another role or language.
pub fn embed_as(model: &Model, role: Role, text: &str, language: Language) -> Result<Vec<f32>, ModelError> {
    embed_tokens(model, model.tokenize_as(role, text, language)?)
}

/// The normalized embedding of a tokenized text; zeros if the model cannot read it.
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
