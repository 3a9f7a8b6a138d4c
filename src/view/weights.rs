//! Shows the weights of a part: a picture of the matrix, and how its values are distributed.

use serde_json::{Value, json};

use super::ViewError;
use super::encode::floats;
use super::error::missing;
use crate::model::tape::{Network, Stored};

/// Maximum rows and columns of a picture.
const PICTURE: (usize, usize) = (96, 128);

/// Bins of a distribution, from minus the largest magnitude to the largest magnitude.
const BINS: usize = 41;

/// Picture, distribution and moments of the weights of a part, with the values that products use. In a picture that is smaller than the
/// matrix, a cell is the value of the largest magnitude of those it covers, so that single outliers stay visible.
///
/// # Errors
/// If there is no such part, or the weights cannot be read.
pub(super) fn answer(network: &Network, part: usize) -> Result<Value, ViewError> {
    let all = network.stored();
    let found = all
        .get(part)
        .ok_or_else(|| missing("part with weights", part, all.len()))?;
    let (rows, columns) = found.shape();
    let (height, width) = (rows.min(PICTURE.0), columns.min(PICTURE.1));
    let mut cells = vec![0f32; height * width];
    let (mut sum, mut squares, mut zeros) = (0f64, 0f64, 0usize);
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    found.rows(|at, row| {
        let own = at * height / rows * width;
        for (column, value) in row.iter().enumerate() {
            let cell = &mut cells[own + column * width / columns];
            if value.abs() > cell.abs() {
                *cell = *value;
            }
            sum += f64::from(*value);
            squares += f64::from(*value).powi(2);
            zeros += usize::from(*value == 0.0);
            (low, high) = (low.min(*value), high.max(*value));
        }
    })?;
    let count = (rows * columns) as f64;
    let mean = sum / count;
    Ok(json!({
        "rows": rows,
        "columns": columns,
        "height": height,
        "width": width,
        "cells": floats(&cells),
        "low": low,
        "high": high,
        "mean": mean,
        "deviation": (squares / count - mean * mean).max(0.0).sqrt(),
        "zeros": zeros as f64 / count,
        "bins": distribution(found, low.abs().max(high.abs()))?,
        "shift": found.shift().map(floats),
    }))
}

/// The number of values in each bin.
fn distribution(stored: &Stored, most: f32) -> Result<Vec<usize>, ViewError> {
    let mut bins = vec![0; BINS];
    stored.rows(|_, row| {
        for value in row {
            let place = match most > 0.0 {
                true => (value / most + 1.0) / 2.0,
                false => 0.5,
            };
            bins[((place * BINS as f32) as usize).min(BINS - 1)] += 1;
        }
    })?;
    Ok(bins)
}
