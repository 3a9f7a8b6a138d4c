//! The embedding of one token, part by part, for display.

use candle_core::Result;

use super::Side;
use super::load::{LoadedPositions, Network};
use super::rows::add;
use super::run::sinusoid;

/// The parts of a token's embedding, and the norm after their sum.
#[derive(Debug, Clone)]
pub struct EmbeddedRow {
    /// Name and row of each part: `token`, `position`, `type`. The token's row is already scaled.
    pub parts: Vec<(&'static str, Vec<f32>)>,
    /// The sum of the parts.
    pub sum: Vec<f32>,
    /// The norm after the sum, if there is one.
    pub norm: Option<EmbeddedNorm>,
    /// The row after the norm, before a projection.
    pub normed: Vec<f32>,
    /// Whether a projection to the width of the residual stream follows.
    pub projected: bool,
}

/// The norm after an embedding, for one row.
#[derive(Debug, Clone)]
pub struct EmbeddedNorm {
    /// γ.
    pub scale: Vec<f32>,
    /// β.
    pub shift: Option<Vec<f32>>,
    /// ε.
    pub epsilon: f64,
    /// The mean that is subtracted from the row; 0 for RMSNorm.
    pub mean: f32,
    /// 1 / deviation of the row.
    pub inverse: f32,
}

impl Network {
    /// The parts of the embedding of token `id` at a position of the text that is read, or of what a decoder with an encoder writes.
    ///
    /// # Errors
    /// If the table has no such row.
    pub fn embedded(&self, side: Side, id: u32, position: usize) -> Result<EmbeddedRow> {
        let stack = self.decoder.as_ref().filter(|_| side == Side::Writing);
        let embedding = &stack.unwrap_or(&self.stack).embedding;
        let mut token = embedding.words.rows(&[id])?;
        token.iter_mut().for_each(|v| *v *= embedding.scale);
        let mut parts = vec![("token", token)];
        match &embedding.positions {
            LoadedPositions::None => {}
            LoadedPositions::Learned { table, first } => {
                parts.push(("position", table.rows(&[(first + position) as u32])?));
            }
            LoadedPositions::Sinusoidal => {
                let row = (0..embedding.width).map(|column| sinusoid(position, column, embedding.width));
                parts.push(("position", row.collect()));
            }
        }
        if let Some(table) = &embedding.types {
            parts.push(("type", table.rows(&[0])?));
        }
        let mut sum = vec![0f32; embedding.width];
        parts.iter().for_each(|(_, part)| add(&mut sum, part));
        let (norm, normed) = match &embedding.norm {
            Some(norm) => {
                let (normed, inverses) = norm.forward(&sum);
                let shown = EmbeddedNorm {
                    scale: norm.scale.clone(),
                    shift: norm.shift.clone(),
                    epsilon: norm.epsilon,
                    mean: norm.mean(&sum),
                    inverse: inverses.first().copied().unwrap_or(0.0),
                };
                (Some(shown), normed.into_vec())
            }
            None => (None, sum.clone()),
        };
        Ok(EmbeddedRow {
            parts,
            sum,
            norm,
            normed,
            projected: embedding.projection.is_some(),
        })
    }
}
