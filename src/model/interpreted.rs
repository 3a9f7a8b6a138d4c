//! Encoder implementation for models that the interpreter runs.

use std::ops::Range;

use candle_core::{Device, Tensor};

use super::tape::{Network, Read};
use super::trace::{TapeTrace, Trace, TraceLevel};
use super::{Checkpoint, Encoder, ModelError, Packed};

impl Encoder for Network {
    fn window(&self) -> usize {
        self.spec.window
    }

    fn forward(&self, batch: &Packed, keep: TraceLevel, checkpoint: Checkpoint) -> Result<Vec<Trace>, ModelError> {
        let read = self.read(batch, None, keep, checkpoint)?;
        self.traces(&read, &batch.sequences)
    }
}

impl Network {
    /// Same as [`Encoder::forward`], but with input rows instead of tokens.
    /// `rows` are those of the first block, (N, hidden), concatenated.
    ///
    /// # Errors
    /// Those of [`Encoder::forward`]; rows that do not match the sequences.
    pub fn forward_rows(
        &self,
        rows: Vec<f32>,
        sequences: &[Range<usize>],
        keep: TraceLevel,
        checkpoint: Checkpoint,
    ) -> Result<Vec<Trace>, ModelError> {
        let read = self.read_rows(rows, sequences, keep, checkpoint)?;
        self.traces(&read, sequences)
    }

    fn traces(&self, read: &Read, sequences: &[Range<usize>]) -> Result<Vec<Trace>, ModelError> {
        let width = self.spec.stack.hidden;
        let trace = |(sequence, rows): (usize, &Range<usize>)| {
            let hidden = &read.hidden[rows.start * width..rows.end * width];
            Ok(Trace {
                layers: Vec::new(),
                tape: read.tape.clone().map(|tape| TapeTrace { tape, sequence }),
                hidden: Tensor::from_slice(hidden, (rows.len(), width), &Device::Cpu)?,
            })
        };
        sequences.iter().enumerate().map(trace).collect()
    }
}
