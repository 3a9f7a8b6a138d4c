//! A model that the interpreter runs, as an encoder: what reads texts and embeds them.

use candle_core::{Device, Tensor};

use super::tape::Network;
use super::trace::{Keep, TapeTrace, Trace};
use super::{Checkpoint, Encoder, ModelError, Packed};

impl Encoder for Network {
    fn window(&self) -> usize {
        self.spec.window
    }

    fn forward(&self, batch: &Packed, keep: Keep, checkpoint: Checkpoint) -> Result<Vec<Trace>, ModelError> {
        let read = self.read(batch, None, keep, checkpoint)?;
        let width = self.spec.stack.hidden;
        let trace = |(sequence, rows): (usize, &std::ops::Range<usize>)| {
            let hidden = &read.hidden[rows.start * width..rows.end * width];
            Ok(Trace {
                layers: Vec::new(),
                tape: read.tape.clone().map(|tape| TapeTrace { tape, sequence }),
                hidden: Tensor::from_slice(hidden, (rows.len(), width), &Device::Cpu)?,
            })
        };
        batch.sequences.iter().enumerate().map(trace).collect()
    }
}
