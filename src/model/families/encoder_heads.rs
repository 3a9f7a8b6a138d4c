//! Heads that several encoders share.

use super::keys::Keys;
use crate::model::spec::{Activation, Head, HeadLayer, LinearSpec, NormSpec, Task};

/// BERT's names of the layer before the table, its norm, and the output bias.
pub const BERT: (&str, &str, &str) = (
    "cls.predictions.transform.dense",
    "cls.predictions.transform.LayerNorm",
    "cls.predictions.bias",
);

/// The head of a masked language model: a layer with a norm, then the transposed embedding table.
pub fn masked(
    (layer, norm, bias): (&str, &str, &str),
    (words, vocabulary): (&str, usize),
    (hidden, width): (usize, usize),
    activation: Activation,
    epsilon: f64,
) -> Head {
    Head {
        layers: vec![HeadLayer {
            linear: LinearSpec::new(layer, (width, hidden), true),
            activation: Some(activation),
            norm: Some(NormSpec::layer(norm, epsilon)),
        }],
        ..Head::of(
            Task::MaskedToken,
            LinearSpec::named(words, (vocabulary, width), Some(bias)),
        )
    }
}

/// A head with a new output matrix, after layers of unchanged width.
pub fn plain(task: Task, layers: &[(&str, Activation)], output: (&str, usize), hidden: usize) -> Head {
    let layer = |(name, activation): &(&str, Activation)| HeadLayer {
        linear: LinearSpec::new(name, (hidden, hidden), true),
        activation: Some(*activation),
        norm: None,
    };
    Head {
        layers: layers.iter().map(layer).collect(),
        ..Head::of(task, LinearSpec::new(output.0, (output.1, hidden), true))
    }
}

/// The head for the task in config.json, if it is a classifier or answers questions.
/// `sequence` has the layers before the output matrix of a text classifier, and the name of that matrix.
pub fn task(keys: &Keys, hidden: usize, sequence: (&[(&str, Activation)], &str)) -> Option<Head> {
    let labels = keys.labels();
    let count = labels.len();
    if keys.is_for("ForSequenceClassification") {
        let task = sequence_task(keys);
        return Some(plain(task, sequence.0, (sequence.1, count), hidden));
    }
    if keys.is_for("ForTokenClassification") {
        return Some(plain(Task::Token { labels }, &[], ("classifier", count), hidden));
    }
    if keys.is_for("ForQuestionAnswering") {
        return Some(plain(Task::Span, &[], ("qa_outputs", 2), hidden));
    }
    None
}

/// Text classification: exclusive classes, or independent ones if config.json says so or if there is only one.
pub fn sequence_task(keys: &Keys) -> Task {
    let labels = keys.labels();
    let independent = labels.len() == 1 || keys.text("problem_type") == Some("multi_label_classification");
    Task::Sequence {
        labels,
        first: true,
        independent,
    }
}
