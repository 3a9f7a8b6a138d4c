//! A model that the interpreter runs, as an encoder: what reads texts and embeds them.

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
    /// As [`Encoder::forward`], of sequences whose rows the first block gets are given instead of their tokens, (N, hidden), one after the
    /// other.
    ///
    /// # Errors
    /// As [`Encoder::forward`]; and if the rows are not those of the sequences.
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
