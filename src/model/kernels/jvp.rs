//! Pushes parts of hidden states through one layer with frozen attention, deviations and gates: the layer is then an affine map.
//!
//! A task pushes some parts through the whole layer, so that intermediate results stay in its cache.

use super::super::simd::{LANES, Lane, Simd};
use super::gemm::{Epilogue, Plain, load_part, store_part, strided};
use super::operand::{Operand, multiply};

/// A layer with the trace of one sequence of n tokens.
#[derive(Clone, Copy)]
pub struct Frozen<'a> {
    /// Number of tokens in the sequence.
    pub n: usize,
    /// Number of heads.
    pub heads: usize,
    /// Attention probabilities, (heads, n, n).
    pub attention: &'a [f32],
    /// W_Vᵀ, (hidden, hidden).
    pub value: Operand<'a>,
    /// W_Oᵀ, (hidden, hidden).
    pub output: Operand<'a>,
    /// The first feed-forward matrix, (hidden, intermediate).
    pub up: Operand<'a>,
    /// The second feed-forward matrix, (intermediate, hidden).
    pub down: Operand<'a>,
    /// γ and 1/s of the LayerNorm after attention, (hidden) and (n).
    pub norm1: (&'a [f32], &'a [f32]),
    /// γ and 1/s of the LayerNorm after the feed-forward block, (hidden) and (n).
    pub norm2: (&'a [f32], &'a [f32]),
    /// The gate of the activation, (n, intermediate).
    pub gate: &'a [f32],
    /// The biases, if the part of the biases is computed.
    pub biases: Option<Biases<'a>>,
}

/// The vectors that a layer adds.
#[derive(Clone, Copy)]
pub struct Biases<'a> {
    /// b_V, (hidden).
    pub value: &'a [f32],
    /// b_O, (hidden).
    pub output: &'a [f32],
    /// β of the LayerNorm after attention, (hidden).
    pub shift1: &'a [f32],
    /// b of the first feed-forward matrix, (intermediate).
    pub up: &'a [f32],
    /// b of the second feed-forward matrix, (hidden).
    pub down: &'a [f32],
    /// β of the LayerNorm after the feed-forward block, (hidden).
    pub shift2: &'a [f32],
}

impl Frozen<'_> {
    fn hidden(&self) -> usize {
        self.output.columns()
    }
}

/// Number of rows in the feed-forward block at a time: packed, they stay in the L2 cache.
const ROWS: usize = 96;

/// Buffers for intermediate results, reused from task to task.
#[derive(Default)]
pub struct Scratch {
    values: Vec<Lane>,
    context: Vec<f32>,
    active: Vec<f32>,
    rows: Vec<f32>,
}

impl Scratch {
    /// Takes the buffer for rows, with `length` floats in all; the other buffers remain usable.
    pub fn rows(&mut self, length: usize) -> Vec<f32> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.resize(length, 0.0);
        rows
    }

    /// Puts the buffer for rows back.
    pub fn keep(&mut self, rows: Vec<f32>) {
        self.rows = rows;
    }
}

/// The first `length` entries of a buffer, which grows if necessary. Their values are arbitrary.
fn resized<T: Copy>(kept: &mut Vec<T>, length: usize, empty: T) -> &mut [T] {
    if kept.len() < length {
        kept.resize(length, empty);
    }
    &mut kept[..length]
}

/// The attention block on parts x (parts·n, hidden), including its LayerNorm. Writes the first `kept` positions of each part into `out`,
/// (parts·kept, hidden).
#[inline(always)]
pub fn attention_block<S: Simd>(s: S, layer: &Frozen, x: &[f32], kept: usize, scratch: &mut Scratch, out: &mut [f32]) {
    let (n, hidden, panels) = (layer.n, layer.hidden(), layer.value.count());
    let parts = x.len() / (n * hidden);
    let values = resized(&mut scratch.values, parts * panels * n, Lane::ZERO);
    let mut epilogue = IntoPanels {
        lanes: &mut *values,
        rows: n,
        panels,
        bias: layer.biases.map(|biases| biases.value),
    };
    multiply(s, x, layer.value, 0..panels, &mut epilogue);
    let context = resized(&mut scratch.context, parts * kept * hidden, 0.0);
    let mixed = values
        .chunks_exact(panels * n)
        .zip(context.chunks_exact_mut(kept * hidden));
    for (values, context) in mixed {
        for head in 0..layer.heads {
            let probabilities = &layer.attention[head * n * n..][..kept * n];
            let width = hidden / layer.heads;
            let columns = Columns {
                out: &mut *context,
                stride: hidden,
                from: head * width,
                to: (head + 1) * width,
            };
            by_registers! {S:
                Many => mix::<S, 8, 2>(s, probabilities, n, values, columns),
                Some => mix::<S, 6, 1>(s, probabilities, n, values, columns),
                Few => mix::<S, 2, 1>(s, probabilities, n, values, columns),
            }
        }
    }
    let mut epilogue = Plain {
        out: &mut *out,
        width: hidden,
        first: 0,
        bias: layer.biases.map(|biases| biases.output),
    };
    multiply(s, context, layer.output, 0..layer.output.count(), &mut epilogue);
    let shift = layer.biases.map(|biases| biases.shift1);
    let parts = out.chunks_exact_mut(kept * hidden).zip(x.chunks_exact(n * hidden));
    for (out, x) in parts {
        let rows = out.chunks_exact_mut(hidden).zip(x.chunks_exact(hidden));
        for ((out, x), inverse_std) in rows.zip(layer.norm1.1) {
            add_and_normalize(s, out, x, layer.norm1.0, *inverse_std, shift);
        }
    }
}

/// The feed-forward block on rows y, including its LayerNorm, into `out`.
/// Both are (parts·n, hidden), of whole parts.
#[inline(always)]
pub fn feed_forward<S: Simd>(s: S, layer: &Frozen, y: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
    let (hidden, columns) = (layer.hidden(), layer.up.columns());
    let blocks = y.chunks(ROWS * hidden).zip(out.chunks_mut(ROWS * hidden));
    for (block, (y, out)) in blocks.enumerate() {
        let active = resized(&mut scratch.active, y.len() / hidden * columns, 0.0);
        let mut epilogue = PartsGate {
            out: &mut *active,
            gate: layer.gate,
            columns,
            n: layer.n,
            first: block * ROWS,
            bias: layer.biases.map(|biases| biases.up),
        };
        multiply(s, y, layer.up, 0..layer.up.count(), &mut epilogue);
        second_half(s, layer, active, y, block * ROWS, out);
    }
}

/// The second half of the feed-forward block, from the gated activations (rows, intermediate) on; the first row is row
/// `first` of some part.
#[inline(always)]
pub fn second_half<S: Simd>(s: S, layer: &Frozen, active: &[f32], y: &[f32], first: usize, out: &mut [f32]) {
    let hidden = layer.hidden();
    let mut epilogue = Plain {
        out: &mut *out,
        width: hidden,
        first: 0,
        bias: layer.biases.map(|biases| biases.down),
    };
    multiply(s, active, layer.down, 0..layer.down.count(), &mut epilogue);
    let shift = layer.biases.map(|biases| biases.shift2);
    let rows = out.chunks_exact_mut(hidden).zip(y.chunks_exact(hidden));
    for (row, (out, y)) in rows.enumerate() {
        let inverse_std = layer.norm2.1[(first + row) % layer.n];
        add_and_normalize(s, out, y, layer.norm2.0, inverse_std, shift);
    }
}

/// The gated activations and the residual of each part, summed over positions with weights.
/// All further steps are linear. y is (parts·m, hidden) for m weights, `active` (parts, intermediate), `rest` (parts, hidden).
#[inline(always)]
pub fn feed_forward_summed<S: Simd>(
    s: S,
    layer: &Frozen,
    y: &[f32],
    weights: &[f32],
    active: &mut [f32],
    rest: &mut [f32],
) {
    let hidden = layer.hidden();
    active.fill(0.0);
    let mut epilogue = SummedGate {
        out: active,
        gate: layer.gate,
        weights,
        columns: layer.up.columns(),
        bias: layer.biases.map(|biases| biases.up),
    };
    multiply(s, y, layer.up, 0..layer.up.count(), &mut epilogue);
    let parts = rest
        .chunks_exact_mut(hidden)
        .zip(y.chunks_exact(weights.len() * hidden));
    for (rest, y) in parts {
        for column in (0..hidden).step_by(LANES) {
            let mut sum = s.splat(0.0);
            for (y, weight) in y.chunks_exact(hidden).zip(weights) {
                sum = s.fma(s.splat(*weight), load_part(s, y, column), sum);
            }
            store_part(s, rest, column, sum);
        }
    }
}

/// Multiplies rows (rows, columns) by the gate of positions 0 and following, in place.
#[inline(always)]
pub fn apply_gate<S: Simd>(s: S, active: &mut [f32], gate: &[f32], columns: usize) {
    let rows = active.chunks_exact_mut(columns).zip(gate.chunks_exact(columns));
    for (row, gate) in rows {
        for column in (0..columns).step_by(LANES) {
            let v = s.mul(load_part(s, row, column), load_part(s, gate, column));
            store_part(s, row, column, v);
        }
    }
}

/// (out + x - mean) / s ⊙ γ of one row, in place; plus β for the part of the biases.
#[inline(always)]
fn add_and_normalize<S: Simd>(
    s: S,
    out: &mut [f32],
    x: &[f32],
    scale: &[f32],
    inverse_std: f32,
    shift: Option<&[f32]>,
) {
    let width = out.len();
    let mut sum = s.splat(0.0);
    for column in (0..width).step_by(LANES) {
        let v = s.add(load_part(s, out, column), load_part(s, x, column));
        store_part(s, out, column, v);
        sum = s.add(sum, v);
    }
    let (mean, inverse_std) = (s.splat(s.sum(sum) / width as f32), s.splat(inverse_std));
    for column in (0..width).step_by(LANES) {
        let v = s.sub(load_part(s, out, column), mean);
        let v = s.mul(s.mul(v, inverse_std), load_part(s, scale, column));
        let v = match shift {
            Some(shift) => s.add(v, load_part(s, shift, column)),
            None => v,
        };
        store_part(s, out, column, v);
    }
}

/// Some columns of the product of probabilities and the values of one part.
/// The values are in panels of n lanes.
#[inline(always)]
fn mix<S: Simd, const R: usize, const P: usize>(
    s: S,
    probabilities: &[f32],
    n: usize,
    values: &[Lane],
    mut columns: Columns,
) {
    let (mut panel, end) = (columns.from / LANES, columns.to.div_ceil(LANES));
    while panel < end {
        if panel + P <= end {
            let mut b = [&values[..n]; P];
            for (p, b) in b.iter_mut().enumerate() {
                *b = &values[(panel + p) * n..][..n];
            }
            product::<S, R, P>(s, probabilities, n, b, panel * LANES, &mut columns);
            panel += P;
        } else {
            let b = [&values[panel * n..][..n]];
            product::<S, R, 1>(s, probabilities, n, b, panel * LANES, &mut columns);
            panel += 1;
        }
    }
}

/// The product of rows of x, `inner` floats each, and P panels: R rows at a time, and the last ones one by one. Returns P.
#[inline(always)]
pub fn product<S: Simd, const R: usize, const P: usize>(
    s: S,
    x: &[f32],
    inner: usize,
    b: [&[Lane]; P],
    column: usize,
    epilogue: &mut impl Epilogue,
) -> usize {
    let (rows, mut row) = (x.len() / inner, 0);
    while row < rows {
        let x = &x[row * inner..];
        if row + R <= rows {
            strided::<S, R, P>(s, x, inner, b, row, column, epilogue);
            row += R;
        } else {
            strided::<S, 1, P>(s, x, inner, b, row, column, epilogue);
            row += 1;
        }
    }
    P
}

/// Epilogue: a product that is the right operand of other products: matrices of `rows` rows each, in panels.
pub struct IntoPanels<'a> {
    /// Matrix by matrix, panel by panel.
    pub lanes: &'a mut [Lane],
    /// Number of rows of a matrix.
    pub rows: usize,
    /// Number of panels of a matrix.
    pub panels: usize,
    /// The bias of each row.
    pub bias: Option<&'a [f32]>,
}

impl Epilogue for IntoPanels<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let sums = match self.bias {
            Some(bias) => s.add(sums, load_part(s, bias, column)),
            None => sums,
        };
        let (matrix, row) = (row / self.rows, row % self.rows);
        let lane = (matrix * self.panels + column / LANES) * self.rows + row;
        s.store(&mut self.lanes[lane].0, sums);
    }
}

/// Epilogue: keeps some columns of a product.
struct Columns<'a> {
    out: &'a mut [f32],
    stride: usize,
    from: usize,
    to: usize,
}

impl Epilogue for Columns<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let row = &mut self.out[row * self.stride..][..self.to];
        if self.from <= column {
            return store_part(s, row, column, sums);
        }
        let mut lanes = [0f32; LANES];
        s.store(&mut lanes, sums);
        for (c, v) in lanes.into_iter().enumerate() {
            if (self.from..self.to).contains(&(column + c)) {
                row[column + c] = v;
            }
        }
    }
}

/// Epilogue: adds a product to rows of `width` floats.
pub struct Added<'a> {
    /// The sums.
    pub out: &'a mut [f32],
    /// Number of columns.
    pub width: usize,
}

impl Epilogue for Added<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let row = &mut self.out[row * self.width..][..self.width];
        let sums = s.add(sums, load_part(s, row, column));
        store_part(s, row, column, sums);
    }
}

/// Epilogue: multiplies by the gate of each row's position, for parts of n rows each.
struct PartsGate<'a> {
    out: &'a mut [f32],
    gate: &'a [f32],
    columns: usize,
    n: usize,
    first: usize,
    bias: Option<&'a [f32]>,
}

impl Epilogue for PartsGate<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let sums = match self.bias {
            Some(bias) => s.add(sums, load_part(s, bias, column)),
            None => sums,
        };
        let gate = &self.gate[(self.first + row) % self.n * self.columns..][..self.columns];
        let out = &mut self.out[row * self.columns..][..self.columns];
        store_part(s, out, column, s.mul(sums, load_part(s, gate, column)));
    }
}

/// Epilogue: multiplies by gate and weight of each row's position, and sums over the rows of each part.
struct SummedGate<'a> {
    out: &'a mut [f32],
    gate: &'a [f32],
    weights: &'a [f32],
    columns: usize,
    bias: Option<&'a [f32]>,
}

impl Epilogue for SummedGate<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let sums = match self.bias {
            Some(bias) => s.add(sums, load_part(s, bias, column)),
            None => sums,
        };
        let (part, i) = (row / self.weights.len(), row % self.weights.len());
        let gate = load_part(s, &self.gate[i * self.columns..][..self.columns], column);
        let weighted = s.mul(gate, s.splat(self.weights[i]));
        let out = &mut self.out[part * self.columns..][..self.columns];
        let so_far = load_part(s, out, column);
        store_part(s, out, column, s.fma(sums, weighted, so_far));
    }
}
