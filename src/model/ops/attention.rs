//! Fused attention over packed sequences, and its vjp.

use std::ops::Range;
use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, D, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::buffer_pool::{acquire, release};
use super::{on_cpu, values};
use crate::model::kernels::attention::{self, Head};
use crate::model::simd::{self, Kernel, Simd};

/// softmax(QKᵀ/√d)V of each sequence: (N, hidden); with `keep` also the attention probabilities of each sequence, (heads, n, n).
/// `qkv` is (N, 3·hidden): the columns of query, key and value, each with the columns of its heads.
///
/// # Errors
/// If the shapes do not match, or the sequences are not contiguous.
pub fn attend(qkv: &Tensor, sequences: &[Range<usize>], heads: usize, keep: bool) -> Result<(Tensor, Vec<Tensor>)> {
    if !on_cpu(qkv) {
        return attend_reference(qkv, sequences, heads, keep);
    }
    let op = Attend {
        sequences,
        heads,
        keep,
        probabilities: OnceLock::new(),
    };
    let context = qkv.contiguous()?.apply_op1_no_bwd(&op)?;
    let probabilities = op
        .probabilities
        .into_inner()
        .unwrap_or_default()
        .into_iter()
        .zip(sequences);
    let probabilities = probabilities
        .map(|(values, sequence)| Tensor::from_vec(values, (heads, sequence.len(), sequence.len()), qkv.device()));
    Ok((context, probabilities.collect::<Result<_>>()?))
}

/// The plain composition of [`attend`].
///
/// # Errors
/// Those of candle's operations.
pub fn attend_reference(
    qkv: &Tensor,
    sequences: &[Range<usize>],
    heads: usize,
    keep: bool,
) -> Result<(Tensor, Vec<Tensor>)> {
    let hidden = qkv.dim(1)? / 3;
    let width = hidden / heads;
    let (mut contexts, mut kept) = (Vec::new(), Vec::new());
    for sequence in sequences {
        let n = sequence.len();
        let part = |index: usize| -> Result<Tensor> {
            qkv.narrow(0, sequence.start, n)?
                .narrow(1, index * hidden, hidden)? // (n, hidden)
                .reshape((n, heads, width))?
                .transpose(0, 1)? // (heads, n, width)
                .contiguous()
        };
        let scores = part(0)?.matmul(&part(1)?.transpose(D::Minus2, D::Minus1)?)?; // (heads, n, n)
        let scaled = (scores / (width as f64).sqrt())?;
        let exp = scaled.broadcast_sub(&scaled.max_keepdim(D::Minus1)?)?.exp()?;
        let probabilities = exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)?;
        let context = probabilities.matmul(&part(2)?)?; // (heads, n, width)
        contexts.push(context.transpose(0, 1)?.reshape((n, hidden))?);
        if keep {
            kept.push(probabilities);
        }
    }
    Ok((Tensor::cat(&contexts, 0)?, kept))
}

struct Attend<'a> {
    sequences: &'a [Range<usize>],
    heads: usize,
    keep: bool,
    probabilities: OnceLock<Vec<Vec<f32>>>,
}

impl CustomOp1 for Attend<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = values(storage, layout)?;
        let &[rows, stride] = layout.dims() else {
            bail!("attention takes a matrix, not {:?}", layout.shape())
        };
        let hidden = stride / 3;
        if self.heads == 0 || hidden * 3 != stride || hidden % self.heads != 0 {
            bail!("{} heads do not fit {:?}", self.heads, layout.shape());
        }
        let follow = self
            .sequences
            .iter()
            .try_fold(0, |end, next| (next.start == end).then_some(next.end));
        if follow != Some(rows) {
            bail!("the sequences do not cover {rows} rows without gaps");
        }
        let width = hidden / self.heads;
        // Per sequence (heads, n, width), so that each task writes to a contiguous slice.
        let mut contexts = acquire(rows * hidden);
        let squares = |sequence: &Range<usize>| self.heads * sequence.len() * sequence.len();
        let mut kept: Vec<Vec<f32>> = match self.keep {
            true => self
                .sequences
                .iter()
                .map(|sequence| acquire(squares(sequence)))
                .collect(),
            false => Vec::new(),
        };
        let mut tasks = Vec::with_capacity(self.sequences.len() * self.heads);
        let mut rest = contexts.as_mut_slice();
        let mut maps = kept.iter_mut();
        for sequence in self.sequences {
            let n = sequence.len();
            let map = maps.next();
            if n * width == 0 {
                continue;
            }
            let mut maps = map.map(|map| map.chunks_exact_mut(n * n));
            for head in 0..self.heads {
                let (context, later) = rest.split_at_mut(n * width);
                rest = later;
                let probabilities = maps.as_mut().and_then(Iterator::next);
                let at = [0, 1, 2].map(|part| part * hidden + head * width);
                let qkv = &qkv[sequence.start * stride..sequence.end * stride];
                tasks.push(OneHead {
                    head: Head { qkv, stride, at, width },
                    probabilities,
                    context,
                });
            }
        }
        tasks.into_par_iter().for_each(simd::run);
        let mut out = acquire(rows * hidden);
        let mut rest = out.as_mut_slice();
        let mut copies = Vec::with_capacity(self.sequences.len());
        for sequence in self.sequences {
            let (to, later) = rest.split_at_mut(sequence.len() * hidden);
            rest = later;
            if !to.is_empty() {
                copies.push((
                    to,
                    &contexts[sequence.start * hidden..sequence.end * hidden],
                    sequence.len(),
                ));
            }
        }
        copies
            .into_par_iter()
            .for_each(|(to, from, n)| interleave(to, from, n, width));
        release(contexts);
        if self.keep {
            let _ = self.probabilities.set(kept);
        }
        Ok((CpuStorage::F32(out), (rows, hidden).into()))
    }
}

/// Transposes (heads, n, width) into (n, heads·width).
fn interleave(to: &mut [f32], from: &[f32], n: usize, width: usize) {
    let hidden = to.len() / n;
    for (head, rows) in from.chunks_exact(n * width).enumerate() {
        for (to, row) in to.chunks_exact_mut(hidden).zip(rows.chunks_exact(width)) {
            to[head * width..][..width].copy_from_slice(row);
        }
    }
}

struct OneHead<'a> {
    head: Head<'a>,
    probabilities: Option<&'a mut [f32]>,
    context: &'a mut [f32],
}

impl Kernel for OneHead<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        attention::attend(s, self.head, self.probabilities, self.context);
    }
}

/// The vjp of attention with respect to the values: Aᵀ of each head, (n, hidden) → (n, hidden). `probabilities` is (heads, n, n).
///
/// # Errors
/// If the shapes do not match.
pub fn attention_vjp(probabilities: &Tensor, context: &Tensor) -> Result<Tensor> {
    if !on_cpu(context) {
        return attention_vjp_reference(probabilities, context);
    }
    probabilities
        .contiguous()?
        .apply_op2_no_bwd(&context.contiguous()?, &AttentionVjp)
}

/// The plain composition of [`attention_vjp`].
///
/// # Errors
/// Those of candle's operations.
pub fn attention_vjp_reference(probabilities: &Tensor, context: &Tensor) -> Result<Tensor> {
    let (heads, n, _) = probabilities.dims3()?;
    let hidden = context.dim(1)?;
    let context = context
        .reshape((n, heads, hidden / heads))?
        .transpose(0, 1)?
        .contiguous()?; // (heads, n, width)
    let values = probabilities.transpose(1, 2)?.matmul(&context)?; // (heads, n, width)
    values.transpose(0, 1)?.reshape((n, hidden))
}

struct AttentionVjp;

impl CustomOp2 for AttentionVjp {
    fn name(&self) -> &'static str {
        "attention_vjp"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (probabilities, context) = (values(s1, l1)?, values(s2, l2)?);
        let (&[heads, n, keys], &[rows, hidden]) = (l1.dims(), l2.dims()) else {
            bail!(
                "{:?} and {:?} are not the shapes of attention and its context",
                l1.shape(),
                l2.shape()
            )
        };
        if heads == 0 || n != keys || n != rows || hidden % heads != 0 {
            bail!("{:?} does not fit {:?}", l1.shape(), l2.shape());
        }
        let width = hidden / heads;
        if n * width == 0 {
            return Ok((CpuStorage::F32(Vec::new()), l2.shape().clone()));
        }
        let mut by_head = acquire(n * hidden);
        let tasks = by_head
            .par_chunks_mut(n * width)
            .zip(probabilities.par_chunks(n * n))
            .enumerate();
        tasks.for_each(|(head, (out, probabilities))| {
            simd::run(OneAttentionVjp {
                probabilities,
                context,
                stride: hidden,
                at: head * width,
                out,
            });
        });
        let mut out = acquire(n * hidden);
        interleave(&mut out, &by_head, n, width);
        release(by_head);
        Ok((CpuStorage::F32(out), l2.shape().clone()))
    }
}

struct OneAttentionVjp<'a> {
    probabilities: &'a [f32],
    context: &'a [f32],
    stride: usize,
    at: usize,
    out: &'a mut [f32],
}

impl Kernel for OneAttentionVjp<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        attention::attention_vjp(s, self.probabilities, self.context, self.stride, self.at, self.out);
    }
}
