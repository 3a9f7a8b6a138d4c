//! The weights of a network, in the order in which its description names them.

use candle_core::Result;

use super::linear::Linear;
use super::load::{LoadedBranch, LoadedPositions, LoadedStack, LoadedWork, Network};
use super::norm::RowNorm;
use super::table::Table;

/// The weights of one part.
pub enum Stored<'a> {
    /// A matrix, (out, in), with the values that products use, and its bias.
    Matrix(&'a Linear),
    /// γ and β of a norm.
    Norm(&'a RowNorm),
    /// A table, (rows, width).
    Table(&'a Table),
}

/// Number of a table's rows that are expanded at once.
const CHUNK: usize = 1024;

impl Stored<'_> {
    /// Rows and columns; a norm has one row.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Stored::Matrix(map) => map.matrix().shape(),
            Stored::Norm(norm) => (1, norm.scale.len()),
            Stored::Table(table) => (table.len(), table.width()),
        }
    }

    /// The second vector of the part: the bias of a matrix, (out), or β of a norm, (width).
    pub fn shift(&self) -> Option<&[f32]> {
        match self {
            Stored::Matrix(map) => map.bias(),
            Stored::Norm(norm) => norm.shift.as_deref(),
            Stored::Table(_) => None,
        }
    }

    /// Bytes in memory. Parts that share a table have its bytes each.
    pub fn bytes(&self) -> usize {
        let values = match self {
            Stored::Matrix(map) => map.matrix().bytes(),
            Stored::Norm(norm) => size_of_val(norm.scale.as_slice()),
            Stored::Table(table) => table.bytes(),
        };
        values + self.shift().map_or(0, size_of_val)
    }

    /// Calls `row` with each row and its number, in order.
    ///
    /// # Errors
    /// If the weights are not on the CPU, or errors of candle.
    pub fn rows(&self, mut row: impl FnMut(usize, &[f32])) -> Result<()> {
        match self {
            Stored::Norm(norm) => row(0, &norm.scale),
            Stored::Matrix(map) => {
                let Some(operand) = map.matrix().forward() else {
                    candle_core::bail!("the weights are not on the CPU")
                };
                let mut values = vec![0.0; operand.inner()];
                for output in 0..operand.columns() {
                    values
                        .iter_mut()
                        .enumerate()
                        .for_each(|(k, v)| *v = operand.at(k, output));
                    row(output, &values);
                }
            }
            Stored::Table(table) => {
                let (all, width) = self.shape();
                for first in (0..all).step_by(CHUNK) {
                    let block = table.block(first..(first + CHUNK).min(all))?;
                    let values = block.flatten_all()?.to_vec1::<f32>()?;
                    let rows = values.chunks_exact(width.max(1));
                    rows.enumerate().for_each(|(at, values)| row(first + at, values));
                }
            }
        }
        Ok(())
    }
}

impl Network {
    /// The weights of all parts: the stack, the decoder, the head; in each stack the embedding, the blocks, the final norm. Within a
    /// block, its steps; within a step, its branches and then its norm.
    pub fn stored(&self) -> Vec<Stored<'_>> {
        let mut all = Vec::new();
        for stack in std::iter::once(&self.stack).chain(&self.decoder) {
            of_stack(stack, &mut all);
        }
        if let Some(head) = &self.head {
            // The norms of a head's layers have no part of their own in the description.
            all.extend(head.layers.iter().map(|(linear, ..)| Stored::Matrix(linear)));
            all.push(Stored::Table(&head.table));
        }
        all
    }
}

fn of_stack<'a>(stack: &'a LoadedStack, all: &mut Vec<Stored<'a>>) {
    let embedding = &stack.embedding;
    all.push(Stored::Table(&embedding.words));
    if let LoadedPositions::Learned { table, .. } = &embedding.positions {
        all.push(Stored::Table(table));
    }
    all.extend(embedding.types.as_ref().map(Stored::Table));
    all.extend(embedding.norm.as_ref().map(of_norm));
    all.extend(embedding.projection.as_ref().map(Stored::Matrix));
    for step in stack.blocks.iter().flatten() {
        step.branches.iter().for_each(|branch| of_branch(branch, all));
        all.extend(step.norm.as_deref().map(of_norm));
    }
    all.extend(stack.norm.as_deref().map(of_norm));
}

fn of_branch<'a>(branch: &'a LoadedBranch, all: &mut Vec<Stored<'a>>) {
    all.extend(branch.before.as_deref().map(of_norm));
    match &branch.work {
        LoadedWork::Attention(attention) => {
            let read = [&attention.query, &attention.key, &attention.value];
            all.extend(read.map(|map| Stored::Matrix(map)));
            if let Some((query, key)) = &attention.norms {
                all.extend([of_norm(query), of_norm(key)]);
            }
            all.push(Stored::Matrix(&attention.output));
        }
        LoadedWork::Mlp { up, gate, down, .. } => {
            all.extend(gate.iter().chain([up, down]).map(|map| Stored::Matrix(map)));
        }
    }
    all.extend(branch.after.as_deref().map(of_norm));
}

fn of_norm(norm: &RowNorm) -> Stored<'_> {
    Stored::Norm(norm)
}
