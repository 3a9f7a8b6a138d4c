//! What a transformer is made of, as data: a family writes a [`ModelSpec`], one interpreter runs it ([`super::tape`]).
//!
//! A block is a list of [`Step`]s. Each step adds the results of its branches to the stream and may normalize the sum, which covers every
//! placement of norms in use:
//!
//! | placement | steps of a block | examples |
//! | --- | --- | --- |
//! | post | x ← norm(x + f(x)) | BERT, DeBERTa, BART |
//! | pre | x ← x + f(norm(x)) | GPT-2, Llama, ModernBERT, T5 |
//! | sandwich | x ← x + norm(f(norm(x))) | Gemma 2 and 3 |
//! | parallel | x ← x + f(norm(x)) + g(norm(x)) | GPT-NeoX |

use std::ops::Range;

/// A model: one stack of blocks, or an encoder and a decoder that reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// The family as config.json names it: `bert`, `qwen3` …
    pub family: String,
    /// Rows of the embedding table.
    pub vocabulary: usize,
    /// Most tokens that a sequence may have.
    pub window: usize,
    /// The blocks that read the text.
    pub stack: Stack,
    /// The blocks that write, of an encoder–decoder: their cross-attention reads the output of `stack`.
    pub decoder: Option<Stack>,
    /// What is computed from the last hidden states, where the weights have it.
    pub head: Option<Head>,
    /// The token that a decoder starts with.
    pub start: Option<u32>,
    /// Tokens that end a generated text.
    pub ends: Vec<u32>,
}

impl ModelSpec {
    /// A single stack without a head.
    pub fn of(family: &str, vocabulary: usize, window: usize, stack: Stack) -> ModelSpec {
        ModelSpec {
            family: family.to_owned(),
            vocabulary,
            window,
            stack,
            decoder: None,
            head: None,
            start: None,
            ends: Vec::new(),
        }
    }

    /// The attention of the first block, if there is any.
    pub fn first_attention(&self) -> Option<&Attention> {
        let branches = self
            .stack
            .blocks
            .iter()
            .flat_map(|block| &block.steps)
            .flat_map(|step| &step.branches);
        branches.into_iter().find_map(|branch| match &branch.work {
            Work::Attention(attention) => Some(&**attention),
            Work::Mlp(_) => None,
        })
    }

    /// Numbers that the weights of such a model have at least.
    pub fn parameters(&self) -> usize {
        let size = |linear: &LinearSpec| linear.inputs.saturating_mul(linear.outputs());
        let of_branch = |branch: &Branch| match &branch.work {
            Work::Attention(attention) => {
                let all = [&attention.query, &attention.key, &attention.value, &attention.output];
                all.into_iter().map(size).fold(0, usize::saturating_add)
            }
            Work::Mlp(mlp) => [Some(&mlp.up), mlp.gate.as_ref(), Some(&mlp.down)]
                .into_iter()
                .flatten()
                .map(size)
                .fold(0, usize::saturating_add),
        };
        let stacks = std::iter::once(&self.stack).chain(&self.decoder);
        let steps = stacks.flat_map(|stack| &stack.blocks).flat_map(|block| &block.steps);
        let blocks = steps.flat_map(|step| &step.branches).map(of_branch);
        let table = self.vocabulary.saturating_mul(self.stack.embedding.width);
        blocks.fold(table, usize::saturating_add)
    }
}

/// Embedding, blocks, final norm.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Width of the stream.
    pub hidden: usize,
    /// From token ids to the stream.
    pub embedding: Embedding,
    /// The blocks, the first first.
    pub blocks: Vec<Block>,
    /// The norm behind the last block.
    pub norm: Option<NormSpec>,
}

/// From token ids to the stream: (table row · scale + position + type), normalized, projected.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Table of the tokens, (vocabulary, width).
    pub words: String,
    /// Width of its rows: that of the stream, but for a `projection`.
    pub width: usize,
    /// What its rows are multiplied by.
    pub scale: f32,
    /// What is added for the position.
    pub positions: Positions,
    /// Table whose first row is added to every token, (types, width).
    pub types: Option<(String, usize)>,
    /// The norm behind the sum.
    pub norm: Option<NormSpec>,
    /// From `width` to the width of the stream.
    pub projection: Option<LinearSpec>,
}

/// What is added to the embedding of a token for its position.
#[derive(Debug, Clone, PartialEq)]
pub enum Positions {
    /// Nothing.
    None,
    /// A row of a table, (rows, width).
    Learned {
        /// The table.
        table: String,
        /// Its rows.
        rows: usize,
        /// The row of the first token.
        first: usize,
    },
    /// Sines in the first half of the width, cosines in the second (Marian).
    Sinusoidal,
}

/// A block of the stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// x ← norm(x + Σ branch(x)).
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is added to the stream, computed from the same x.
    pub branches: Vec<Branch>,
    /// The norm behind the sum (post-LN).
    pub norm: Option<NormSpec>,
}

/// after(work(before(x))).
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// The norm before (pre-LN).
    pub before: Option<NormSpec>,
    /// What it computes.
    pub work: Work,
    /// The norm behind (sandwich).
    pub after: Option<NormSpec>,
}

/// What a branch computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Attention.
    Attention(Box<Attention>),
    /// A feed-forward block.
    Mlp(Box<Mlp>),
}

/// A norm over the width of a row, or over each head of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NormSpec {
    /// LayerNorm (Ba et al. 2016) or RMSNorm (Zhang & Sennrich 2019).
    pub kind: NormKind,
    /// γ, (width); none for a norm without.
    pub scale: Option<String>,
    /// β, (width).
    pub shift: Option<String>,
    /// ε inside the square root.
    pub epsilon: f64,
    /// Added to γ: 1 for Gemma, whose weights say how far γ is from 1.
    pub offset: f32,
}

/// Which norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// (x - mean) / √(variance + ε).
    Layer,
    /// x / √(mean(x²) + ε).
    Rms,
}

/// A weight matrix and its bias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinearSpec {
    /// The tensor.
    pub weight: String,
    /// Its bias.
    pub bias: Option<String>,
    /// Columns of the input.
    pub inputs: usize,
    /// Which rows of the tensor are this matrix.
    pub rows: Rows,
    /// Stored as (in, out), as GPT-2 does.
    pub transposed: bool,
}

/// Some rows of a tensor that holds several matrices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// So many, which is all of them.
    All(usize),
    /// Some in a row, of so many.
    Range(Range<usize>, usize),
    /// Of each group of `each` rows those in `range`; so many groups (GPT-NeoX has query, key and value of each head together).
    OfEach {
        /// Within a group.
        range: Range<usize>,
        /// Rows of a group.
        each: usize,
        /// Groups.
        groups: usize,
    },
}

/// softmax(score(QKᵀ) + mask)V, by head.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// W_Q, (heads · head_dim, hidden).
    pub query: LinearSpec,
    /// W_K, (kv_heads · head_dim, hidden).
    pub key: LinearSpec,
    /// W_V, (kv_heads · head_dim, hidden).
    pub value: LinearSpec,
    /// W_O, (hidden, heads · head_dim).
    pub output: LinearSpec,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves heads / kv_heads query heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// What products are multiplied by.
    pub scale: f32,
    /// Which positions see which.
    pub mask: Mask,
    /// How positions enter the scores.
    pub position: Position,
    /// Norms of each head's query and key.
    pub qk_norm: Option<(NormSpec, NormSpec)>,
    /// Scores become cap · tanh(score / cap).
    pub soft_cap: Option<f32>,
    /// Where keys and values come from.
    pub source: Source,
}

/// Where keys and values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The same stream.
    Own,
    /// The encoder's output.
    Encoder,
}

/// Which positions see which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// All see all.
    Full,
    /// i sees j ≤ i.
    Causal,
    /// i sees j with i - j < width and j ≤ i.
    CausalWindow(usize),
    /// i sees j with |i - j| ≤ reach.
    Window(usize),
}

impl Mask {
    /// The positions that `i` sees, of `n`.
    pub fn seen(self, i: usize, n: usize) -> Range<usize> {
        match self {
            Mask::Full => 0..n,
            Mask::Causal => 0..(i + 1).min(n),
            Mask::CausalWindow(width) => (i + 1).saturating_sub(width)..(i + 1).min(n),
            Mask::Window(reach) => i.saturating_sub(reach)..(i + reach + 1).min(n),
        }
    }
}

/// How positions enter the scores.
#[derive(Debug, Clone, PartialEq)]
pub enum Position {
    /// Not at all.
    None,
    /// Rotated queries and keys (Su et al. 2021).
    Rotary(Rotary),
    /// A bias for the bucket of the distance (T5, Raffel et al. 2020; MPNet), by head.
    RelativeBias {
        /// The table, (buckets, heads).
        table: String,
        /// Its rows.
        buckets: usize,
        /// From this distance on all are in the last bucket.
        furthest: usize,
        /// Whether later positions have buckets of their own.
        bidirectional: bool,
    },
    /// - slope · |i - j| with a slope by head (Press et al. 2022).
    Alibi,
    /// DeBERTa's disentangled attention (He et al. 2021): content to position and position to content.
    Disentangled {
        /// Embeddings of relative positions, (2 · span, hidden).
        table: String,
        /// The norm over them.
        norm: Option<NormSpec>,
        /// Half of the table's rows.
        span: usize,
        /// Distances up to half of it have buckets of their own, further ones share logarithmic ones; 0 for none that share.
        buckets: usize,
        /// The furthest distance.
        furthest: usize,
        /// Content to position.
        to_position: bool,
        /// Position to content.
        to_content: bool,
        /// The matrices of positions where they are not those of contents: key, query.
        own: Option<Box<(LinearSpec, LinearSpec)>>,
    },
}

/// Frequencies of rotated pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotary {
    /// Angle of each pair for one position; as many as half of the rotated width.
    pub frequencies: Vec<f32>,
    /// What rotated queries and keys are multiplied by (YaRN, LongRoPE).
    pub scale: f32,
    /// Pairs are (0, 1), (2, 3) … instead of (i, i + half).
    pub interleaved: bool,
    /// Other frequencies of long texts.
    pub stretch: Stretch,
}

/// Frequencies of texts that are longer than those a model was trained with first.
#[derive(Debug, Clone, PartialEq)]
pub enum Stretch {
    /// The same.
    None,
    /// Others for texts of more than `original` tokens (LongRoPE).
    Long {
        /// Tokens.
        original: usize,
        /// As many as there are pairs.
        frequencies: Vec<f32>,
    },
    /// Of a base that grows with the text (dynamic NTK).
    Dynamic {
        /// The base.
        base: f64,
        /// Tokens up to which it holds.
        original: usize,
        /// How many times longer a text may be.
        factor: f64,
    },
}

impl Rotary {
    /// The frequencies for a text of so many tokens.
    pub fn of_length(&self, tokens: usize) -> std::borrow::Cow<'_, [f32]> {
        match &self.stretch {
            Stretch::Long { original, frequencies } if tokens > *original => frequencies.into(),
            Stretch::Dynamic { base, original, factor } if tokens > *original => {
                let width = 2 * self.frequencies.len();
                let grown = factor * tokens as f64 / *original as f64 - (factor - 1.0);
                let base = base * grown.powf(width as f64 / (width as f64 - 2.0));
                let frequency = |pair: usize| base.powf(-2.0 * pair as f64 / width as f64) as f32;
                (0..self.frequencies.len()).map(frequency).collect::<Vec<f32>>().into()
            }
            _ => (&self.frequencies).into(),
        }
    }
}

/// A feed-forward block.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    /// First matrix, (inner, hidden).
    pub up: LinearSpec,
    /// Of a gated block: activation(gate(x)) ⊙ up(x).
    pub gate: Option<LinearSpec>,
    /// Second matrix, (hidden, inner).
    pub down: LinearSpec,
    /// Its activation.
    pub activation: Activation,
}

/// An activation, of the form θ(u)·u.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// u·Φ(u).
    Gelu,
    /// Its tanh approximation.
    GeluTanh,
    /// u·σ(1.702u).
    QuickGelu,
    /// max(0, u).
    Relu,
    /// u·σ(u), swish.
    Silu,
    /// tanh(u), of heads alone.
    Tanh,
}

/// What is computed from the last hidden states.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// What its outputs are.
    pub task: Task,
    /// Layers before the last matrix, in order.
    pub layers: Vec<HeadLayer>,
    /// To the outputs.
    pub output: LinearSpec,
    /// A matrix that is used instead, and then without `scale`, where the weights have it.
    pub separate: Option<String>,
    /// What outputs are multiplied by.
    pub scale: f32,
    /// Outputs become cap · tanh(output / cap).
    pub soft_cap: Option<f32>,
}

/// A layer of a head.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadLayer {
    /// Its matrix.
    pub linear: LinearSpec,
    /// Its activation.
    pub activation: Option<Activation>,
    /// Its norm, behind the activation.
    pub norm: Option<NormSpec>,
}

/// What a head's outputs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// The token that was masked, at each position.
    MaskedToken,
    /// The next token, at each position.
    NextToken,
    /// A class of the text, by name, from one position's hidden state.
    Sequence {
        /// Their names.
        labels: Vec<String>,
        /// From the first token; from the last otherwise.
        first: bool,
        /// Whether each class is told by itself (sigmoid); one of them by softmax otherwise.
        independent: bool,
    },
    /// A class of each token.
    Token {
        /// Their names.
        labels: Vec<String>,
    },
    /// Start and end of an answer.
    Span,
}

impl LinearSpec {
    /// A matrix (out, in) of its own.
    pub fn new(name: &str, shape: (usize, usize), biased: bool) -> LinearSpec {
        let bias = biased.then(|| format!("{name}.bias"));
        LinearSpec::named(&format!("{name}.weight"), shape, bias.as_deref())
    }

    /// A matrix (out, in) whose tensors are named each by itself, as that of a head that is the embedding table.
    pub fn named(weight: &str, (out, inputs): (usize, usize), bias: Option<&str>) -> LinearSpec {
        LinearSpec {
            weight: weight.to_owned(),
            bias: bias.map(str::to_owned),
            inputs,
            rows: Rows::All(out),
            transposed: false,
        }
    }

    /// Some rows of a tensor that several matrices share.
    pub fn rows(mut self, range: Range<usize>) -> LinearSpec {
        let whole = self.rows.stored();
        self.rows = Rows::Range(range, whole);
        self
    }

    /// Columns of the output.
    pub fn outputs(&self) -> usize {
        match &self.rows {
            Rows::All(rows) => *rows,
            Rows::Range(range, _) => range.len(),
            Rows::OfEach { range, groups, .. } => range.len() * groups,
        }
    }
}

impl Rows {
    /// Rows of the tensor.
    pub fn stored(&self) -> usize {
        match self {
            Rows::All(rows) | Rows::Range(_, rows) => *rows,
            Rows::OfEach { each, groups, .. } => each * groups,
        }
    }

    /// The rows of the matrix, in order.
    pub fn indices(&self) -> Vec<usize> {
        match self {
            Rows::All(rows) => (0..*rows).collect(),
            Rows::Range(range, _) => range.clone().collect(),
            Rows::OfEach { range, each, groups } => {
                let group = |group: usize| range.clone().map(move |row| group * each + row);
                (0..*groups).flat_map(group).collect()
            }
        }
    }
}

impl NormSpec {
    /// A LayerNorm with γ and β.
    pub fn layer(name: &str, epsilon: f64) -> NormSpec {
        NormSpec {
            kind: NormKind::Layer,
            scale: Some(format!("{name}.weight")),
            shift: Some(format!("{name}.bias")),
            epsilon,
            offset: 0.0,
        }
    }

    /// An RMSNorm with γ.
    pub fn rms(name: &str, epsilon: f64) -> NormSpec {
        NormSpec {
            kind: NormKind::Rms,
            scale: Some(format!("{name}.weight")),
            shift: None,
            epsilon,
            offset: 0.0,
        }
    }
}

/// Where the norms of a block stand.
#[derive(Debug, Clone, PartialEq)]
pub enum Placement {
    /// Behind the sum.
    Post(NormSpec),
    /// Before the branch.
    Pre(NormSpec),
    /// Before and behind the branch.
    Sandwich(NormSpec, NormSpec),
    /// Nowhere.
    Bare,
}

impl Embedding {
    /// Rows of a table as they are.
    pub fn of(words: &str, width: usize) -> Embedding {
        Embedding {
            words: words.to_owned(),
            width,
            scale: 1.0,
            positions: Positions::None,
            types: None,
            norm: None,
            projection: None,
        }
    }
}

impl Attention {
    /// All see all, by products over √width: query, key, value and output of so many heads, each with keys of its own.
    pub fn of([query, key, value, output]: [LinearSpec; 4], heads: usize, width: usize) -> Attention {
        Attention {
            query,
            key,
            value,
            output,
            heads,
            kv_heads: heads,
            head_dim: width,
            scale: (width as f32).sqrt().recip(),
            mask: Mask::Full,
            position: Position::None,
            qk_norm: None,
            soft_cap: None,
            source: Source::Own,
        }
    }
}

impl Block {
    /// Attention, then a feed-forward block.
    pub fn of(attention: (Attention, Placement), mlp: (Mlp, Placement)) -> Block {
        let attention = Step::of(Work::Attention(Box::new(attention.0)), attention.1);
        let mlp = Step::of(Work::Mlp(Box::new(mlp.0)), mlp.1);
        Block {
            steps: vec![attention, mlp],
        }
    }
}

impl Head {
    /// A single matrix.
    pub fn of(task: Task, output: LinearSpec) -> Head {
        Head {
            task,
            layers: Vec::new(),
            output,
            separate: None,
            scale: 1.0,
            soft_cap: None,
        }
    }

    /// The matrices without which there is no head: many checkpoints are saved without.
    pub fn matrices(&self) -> impl Iterator<Item = &str> {
        let layers = self.layers.iter().map(|layer| &layer.linear);
        layers.chain([&self.output]).map(|linear| linear.weight.as_str())
    }
}

impl Step {
    /// A step of one branch.
    pub fn of(work: Work, placement: Placement) -> Step {
        let (before, after, norm) = match placement {
            Placement::Post(norm) => (None, None, Some(norm)),
            Placement::Pre(norm) => (Some(norm), None, None),
            Placement::Sandwich(before, after) => (Some(before), Some(after), None),
            Placement::Bare => (None, None, None),
        };
        let branches = vec![Branch { before, work, after }];
        Step { branches, norm }
    }
}

impl Activation {
    /// The activation that config.json calls so.
    pub fn from_name(name: &str) -> Option<Activation> {
        Some(match name {
            "gelu" | "gelu_python" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_accurate" => Activation::GeluTanh,
            "quick_gelu" => Activation::QuickGelu,
            "relu" => Activation::Relu,
            "silu" | "swish" => Activation::Silu,
            "tanh" => Activation::Tanh,
            _ => return None,
        })
    }
}
