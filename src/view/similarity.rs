//! Compares the items of the document: raw and centered cosines, and a map.
//!
//! Vectors are those of the index, and the centered score is that of `fovea similar`, with the items of this document as the folder.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::encode::floats;
use super::{Explorer, ViewError, pca};
use crate::similar::Center;
use crate::similar::index::{Asked, Collection, EmbeddedItem, Filter, IndexError, VectorIndex, calibration};

/// Names, cosines, centered scores and map coordinates of the items.
///
/// # Errors
/// Errors of the model.
pub(super) fn answer(explorer: &Explorer) -> Result<Value, ViewError> {
    let items = explorer.items()?;
    let found = &items.found;
    let n = found.len();
    let vectors: Vec<&[f32]> = found.iter().map(|item| &*item.vector).collect();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32;
    let cosines: Vec<f32> = vectors
        .iter()
        .flat_map(|a| vectors.iter().map(move |b| dot(a, b)))
        .collect();
    let map = pca::map(&vectors);
    let places: Vec<f32> = map.places.iter().flatten().map(|v| *v as f32).collect();
    let listed = found.iter().map(|EmbeddedItem { item, .. }| {
        json!({
            "name": item.name,
            "kind": item.kind,
            "first_line": item.start.line + 1,
            "last_line": item.end.line + 1,
        })
    });
    Ok(json!({
        "items": listed.collect::<Vec<_>>(),
        "all": items.all,
        "cosines": floats(&cosines),
        "centered": floats(&centered(explorer, found, n)?),
        "places": floats(&places),
        "shares": map.shares,
    }))
}

/// The scores that `fovea similar` would show, (n, n); NaN for an item with itself and with items inside it.
fn centered(explorer: &Explorer, found: &[EmbeddedItem], n: usize) -> Result<Vec<f32>, ViewError> {
    let path = PathBuf::from(&explorer.file);
    let center = Center::within(calibration(&explorer.model)?);
    let vector_index = VectorIndex::of_items(&[(path.clone(), found)], &center, explorer.model.hidden());
    let mut out = vec![f32::NAN; n * n];
    for (a, own) in found.iter().enumerate() {
        let asked = Asked {
            path: Some(Path::new(&path)),
            item: &own.item,
            vector: &own.vector,
            base: None,
            known: None,
        };
        for near in vector_index.similar(&asked, &Filter::default(), n).map_err(failed)? {
            if let Some(b) = found.iter().position(|other| other.item == near.item) {
                out[a * n + b] = near.score;
            }
        }
    }
    Ok(out)
}

fn failed(error: IndexError) -> ViewError {
    ViewError::Items(error.to_string())
}
