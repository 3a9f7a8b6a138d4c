//! Descriptions of transformers as data: a family writes a [`ModelSpec`], and one interpreter runs it ([`super::tape`]).
//!
//! A block is a list of [`Step`]s. Each step adds the results of its branches to the residual stream and may normalize the sum, which
//! covers every placement of norms in use:
//!
//! | placement | steps of a block | examples |
//! | --- | --- | --- |
//! | post | x ← norm(x + f(x)) | BERT, DeBERTa, BART |
//! | pre | x ← x + f(norm(x)) | GPT-2, Llama, ModernBERT, T5 |
//! | sandwich | x ← x + norm(f(norm(x))) | Gemma 2 and 3 |
//! | parallel | x ← x + f(norm(x)) + g(norm(x)) | GPT-NeoX |

use std::ops::Range;

/// A model: one stack of blocks, or an encoder and a decoder with cross-attention to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// The family, as config.json names it: `bert`, `qwen3` …
    pub family: String,
    /// Rows of the embedding table.
    pub vocabulary: usize,
    /// Maximum number of tokens in a sequence.
    pub window: usize,
    /// The blocks that read the text: the encoder, or the whole of a decoder-only model.
    pub stack: Stack,
    /// The decoder of an encoder–decoder; its cross-attention reads the output of `stack`.
    pub decoder: Option<Stack>,
    /// The head on the last hidden states, if the architecture has one; weights may lack its tensors.
    pub head: Option<Head>,
    /// The first token of a decoder.
    pub start: Option<u32>,
    /// The tokens that end a generated text.
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

    /// Minimum number of parameters of such a model.
    pub fn parameters(&self) -> usize {
        let size = |linear: &LinearSpec| linear.inputs.saturating_mul(linear.outputs());
        let branch_size = |branch: &Branch| match &branch.work {
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
        let blocks = steps.flat_map(|step| &step.branches).map(branch_size);
        let table = self.vocabulary.saturating_mul(self.stack.embedding.width);
        blocks.fold(table, usize::saturating_add)
    }
}

/// Embedding, blocks, final norm.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Width of the residual stream.
    pub hidden: usize,
    /// The embedding of token ids in the stream.
    pub embedding: Embedding,
    /// The blocks, in order.
    pub blocks: Vec<Block>,
    /// The norm after the last block.
    pub norm: Option<NormSpec>,
}

/// From token ids to the residual stream: (table row · scale + position + type), normalized, projected.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Table of the tokens, (vocabulary, width).
    pub words: String,
    /// Width of its rows; equals the width of the stream unless there is a `projection`.
    pub width: usize,
    /// Factor of its rows.
    pub scale: f32,
    /// The addition for the position.
    pub positions: Positions,
    /// The table of token types, (types, width).
    pub types: Option<(String, usize)>,
    /// The norm after the sum.
    pub norm: Option<NormSpec>,
    /// The projection from `width` to the width of the stream.
    pub projection: Option<LinearSpec>,
}

/// The addition to a token embedding for its position.
#[derive(Debug, Clone, PartialEq)]
pub enum Positions {
    /// Nothing.
    None,
    /// A row of a learned table, (rows, width).
    Learned {
        /// The table.
        table: String,
        /// Number of rows.
        rows: usize,
        /// The row for the first token.
        first: usize,
    },
    /// Sines in the first half of the width, cosines in the second half (Marian).
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
    /// The branches, whose results are added to the stream; all read the same x.
    pub branches: Vec<Branch>,
    /// The norm after the sum (post-LN).
    pub norm: Option<NormSpec>,
}

/// after(work(before(x))).
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// The norm before the work (pre-LN).
    pub before: Option<NormSpec>,
    /// The computation.
    pub work: Work,
    /// The norm after the work (sandwich).
    pub after: Option<NormSpec>,
}

/// The computation of a branch.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Attention.
    Attention(Box<Attention>),
    /// A feed-forward block.
    Mlp(Box<Mlp>),
}

/// A norm over the width of a row, or over each head's part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NormSpec {
    /// LayerNorm (Ba et al. 2016) or RMSNorm (Zhang & Sennrich 2019).
    pub kind: NormKind,
    /// γ, (width); `None` for a norm without γ.
    pub scale: Option<String>,
    /// β, (width); `None` for a norm without β.
    pub shift: Option<String>,
    /// ε inside the square root.
    pub epsilon: f64,
    /// Added to γ: 1 for Gemma, which stores γ - 1.
    pub offset: f32,
}

/// The kind of a norm.
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
    /// The tensor of the weight.
    pub weight: String,
    /// The tensor of the bias.
    pub bias: Option<String>,
    /// Width of the input.
    pub inputs: usize,
    /// The rows of the tensor that form this matrix.
    pub rows: Rows,
    /// Whether it is stored as (in, out), as in GPT-2.
    pub transposed: bool,
}

/// A selection of rows from a tensor that may contain several matrices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// All rows; their number.
    All(usize),
    /// A range of rows; the total number of rows in the tensor.
    Range(Range<usize>, usize),
    /// The rows `range` of each group of `each` rows.
    /// GPT-NeoX stores query, key and value of each head together.
    OfEach {
        /// The range within a group.
        range: Range<usize>,
        /// Number of rows in a group.
        each: usize,
        /// Number of groups.
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
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads; each serves heads / kv_heads query heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Factor of the products QKᵀ.
    pub scale: f32,
    /// Which positions attend to which.
    pub mask: Mask,
    /// The influence of positions on the scores.
    pub position: Position,
    /// Norms of each head's query and key.
    pub qk_norm: Option<(NormSpec, NormSpec)>,
    /// Scores become cap · tanh(score / cap).
    pub soft_cap: Option<f32>,
    /// The source of keys and values.
    pub source: Source,
}

/// The source of keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The same stream.
    Own,
    /// The encoder's output.
    Encoder,
}

/// Which positions attend to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// All positions attend to all.
    Full,
    /// i attends to j ≤ i.
    Causal,
    /// i attends to j with i - j < width and j ≤ i.
    CausalWindow(usize),
    /// i attends to j with |i - j| ≤ reach.
    Window(usize),
}

impl Mask {
    /// The positions, of `n`, that `i` attends to.
    pub fn seen(self, i: usize, n: usize) -> Range<usize> {
        match self {
            Mask::Full => 0..n,
            Mask::Causal => 0..(i + 1).min(n),
            Mask::CausalWindow(width) => (i + 1).saturating_sub(width)..(i + 1).min(n),
            Mask::Window(reach) => i.saturating_sub(reach)..(i + reach + 1).min(n),
        }
    }
}

/// The influence of positions on the scores.
#[derive(Debug, Clone, PartialEq)]
pub enum Position {
    /// None.
    None,
    /// Rotary embeddings of queries and keys (Su et al. 2021).
    Rotary(Rotary),
    /// A bias per head for the bucket of the distance (T5, Raffel et al. 2020; MPNet).
    RelativeBias {
        /// The table, (buckets, heads).
        table: String,
        /// Number of rows.
        buckets: usize,
        /// Distances from here on share the last bucket.
        furthest: usize,
        /// Whether later positions have separate buckets.
        bidirectional: bool,
    },
    /// - slope · |i - j| with a slope per head (Press et al. 2022).
    Alibi,
    /// DeBERTa's disentangled attention (He et al. 2021): content to position and position to content.
    Disentangled {
        /// Embeddings of relative positions, (2 · span, hidden).
        table: String,
        /// The norm of these embeddings.
        norm: Option<NormSpec>,
        /// Half the number of the table's rows.
        span: usize,
        /// Distances up to half of `buckets` have their own; larger ones share logarithmic buckets. 0 gives each distance its own.
        buckets: usize,
        /// The maximum distance.
        furthest: usize,
        /// Whether scores have the content-to-position term.
        to_position: bool,
        /// Whether scores have the position-to-content term.
        to_content: bool,
        /// The matrices for positions, key and query, if they differ from those for contents.
        own: Option<Box<(LinearSpec, LinearSpec)>>,
    },
}

/// Rotary embeddings: the frequencies of the rotated pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotary {
    /// Angle per position for each pair; their number is half of the rotated width.
    pub frequencies: Vec<f32>,
    /// Factor of rotated queries and keys (YaRN, LongRoPE).
    pub scale: f32,
    /// Whether pairs are (0, 1), (2, 3) … instead of (i, i + half).
    pub interleaved: bool,
    /// Changes of the frequencies for long texts.
    pub stretch: Stretch,
}

/// Changes of the frequencies for texts longer than those of the original training.
#[derive(Debug, Clone, PartialEq)]
pub enum Stretch {
    /// No change.
    None,
    /// Other frequencies for texts of more than `original` tokens (LongRoPE).
    Long {
        /// The number of tokens.
        original: usize,
        /// One frequency per pair.
        frequencies: Vec<f32>,
    },
    /// A base that grows with the length of the text (dynamic NTK).
    Dynamic {
        /// The base.
        base: f64,
        /// Number of tokens up to which the base is unchanged.
        original: usize,
        /// Factor by which texts may be longer.
        factor: f64,
    },
}

impl Rotary {
    /// The frequencies for a text with this number of tokens.
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
    /// The first matrix, (inner, hidden).
    pub up: LinearSpec,
    /// The gate matrix of a gated block: activation(gate(x)) ⊙ up(x).
    pub gate: Option<LinearSpec>,
    /// The second matrix, (hidden, inner).
    pub down: LinearSpec,
    /// The activation.
    pub activation: Activation,
}

/// An activation of the form θ(u)·u.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// u·Φ(u).
    Gelu,
    /// The tanh approximation of GELU.
    GeluTanh,
    /// u·σ(1.702u).
    QuickGelu,
    /// max(0, u).
    Relu,
    /// u·σ(u), swish.
    Silu,
    /// tanh(u), only in heads.
    Tanh,
}

/// The head: layers on the last hidden states.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The task, which gives the outputs their meaning.
    pub task: Task,
    /// The layers before the output matrix, in order.
    pub layers: Vec<HeadLayer>,
    /// The output matrix.
    pub output: LinearSpec,
    /// A matrix that replaces `output` if the weights contain it; `scale` then does not apply.
    pub separate: Option<String>,
    /// Factor of the outputs.
    pub scale: f32,
    /// Outputs become cap · tanh(output / cap).
    pub soft_cap: Option<f32>,
}

/// A layer of a head.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadLayer {
    /// The matrix.
    pub linear: LinearSpec,
    /// The activation.
    pub activation: Option<Activation>,
    /// The norm after the activation.
    pub norm: Option<NormSpec>,
}

/// The task of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Predict the masked token at each position.
    MaskedToken,
    /// Predict the next token at each position.
    NextToken,
    /// Classify the text, from the hidden state of one position.
    Sequence {
        /// The names of the classes.
        labels: Vec<String>,
        /// Whether the position is the first token; otherwise it is the last.
        first: bool,
        /// Whether each class is predicted on its own (sigmoid); otherwise classes exclude each other (softmax).
        independent: bool,
    },
    /// Classify each token.
    Token {
        /// The names of the classes.
        labels: Vec<String>,
    },
    /// Predict start and end of an answer.
    Span,
}

impl LinearSpec {
    /// A matrix (out, in) that is a whole tensor.
    pub fn new(name: &str, shape: (usize, usize), biased: bool) -> LinearSpec {
        let bias = biased.then(|| format!("{name}.bias"));
        LinearSpec::named(&format!("{name}.weight"), shape, bias.as_deref())
    }

    /// A matrix (out, in) with explicit tensor names, such as a tied head.
    pub fn named(weight: &str, (out, inputs): (usize, usize), bias: Option<&str>) -> LinearSpec {
        LinearSpec {
            weight: weight.to_owned(),
            bias: bias.map(str::to_owned),
            inputs,
            rows: Rows::All(out),
            transposed: false,
        }
    }

    /// A range of rows in a tensor that several matrices share.
    pub fn rows(mut self, range: Range<usize>) -> LinearSpec {
        let whole = self.rows.stored();
        self.rows = Rows::Range(range, whole);
        self
    }

    /// Width of the output.
    pub fn outputs(&self) -> usize {
        match &self.rows {
            Rows::All(rows) => *rows,
            Rows::Range(range, _) => range.len(),
            Rows::OfEach { range, groups, .. } => range.len() * groups,
        }
    }
}

impl Rows {
    /// Number of rows in the tensor.
    pub fn stored(&self) -> usize {
        match self {
            Rows::All(rows) | Rows::Range(_, rows) => *rows,
            Rows::OfEach { each, groups, .. } => each * groups,
        }
    }

    /// The indices of the matrix's rows, in order.
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

/// The placement of the norms in a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Placement {
    /// After the sum.
    Post(NormSpec),
    /// Before the branch.
    Pre(NormSpec),
    /// Before and after the branch.
    Sandwich(NormSpec, NormSpec),
    /// No norm.
    Bare,
}

impl Embedding {
    /// Rows of a table without any change.
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
    /// Full attention with scale 1 / √width: query, key, value and output of `heads` heads, each with its own keys.
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
    /// A head with only the output matrix.
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

    /// The name of the output matrix among the tensors that there are.
    pub fn table(&self, contains: impl Fn(&str) -> bool) -> &str {
        let separate = self.separate.as_deref().filter(|name| contains(name));
        separate.unwrap_or(&self.output.weight)
    }

    /// The matrices that the head requires; many checkpoints lack them.
    pub fn matrices(&self) -> impl Iterator<Item = &str> {
        let layers = self.layers.iter().map(|layer| &layer.linear);
        layers.chain([&self.output]).map(|linear| linear.weight.as_str())
    }
}

impl Step {
    /// A step with one branch.
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
    /// The activation by its name in config.json.
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
