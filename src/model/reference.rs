//! What a model says of every text: where that is most of an embedding, explanations are of the rest.
//!
//! Some models crowd their texts into a cone (Ethayarajh 2019). With multilingual-e5-small the biases of the network carry 90 % of an
//! embedding, and shares of the whole hardly tell which words matter: their rank correlation with what deleting a word does is .57 for
//! English, .24 for code, .18 for Chinese. Shares of what the embedding has beyond that of an empty text reach .72, .69 and .33. A model
//! that is not crowded, such as MiniLM, loses by it (.85 → .81, .61 → .55, .75 → .71) and is left as it is (tests/model/faithful.rs).

use super::tape::row_products;
use super::{Model, ModelError, Packed, TraceLevel, UNSTOPPED};
use crate::text::Language;

/// Texts that have nothing to do with each other.
const PROBES: [&str; 3] = [
    "The river rose overnight and carried the old bridge away.",
    "def median(values): return sorted(values)[len(values) // 2]",
    "委员会否决了这个提案。",
];

/// From this mean cosine of the probes with the empty text on a model is crowded. It is .07 for MiniLM and .81 for multilingual-e5-small.
const CROWDED: f32 = 0.5;

/// The embedding of an empty text, where the model is crowded.
pub(super) fn measure(model: &Model) -> Result<Option<Vec<f32>>, ModelError> {
    let measured = alti_proximity(model)?;
    Ok(measured.and_then(|(nothing, alti_proximity)| (alti_proximity >= CROWDED).then_some(nothing)))
}

/// The embedding of an empty text, and the mean cosine of the probes with it. Nothing for a tokenizer without special tokens, which
/// leaves nothing to read.
fn alti_proximity(model: &Model) -> Result<Option<(Vec<f32>, f32)>, ModelError> {
    let texts = [""].into_iter().chain(PROBES);
    let mut read = texts
        .map(|text| model.tokenize(text, Language::Prose))
        .collect::<Result<Vec<_>, _>>()?;
    // The beginning of a text says as much, where a window is very small.
    read.iter_mut().for_each(|tokens| tokens.cut(model.info().window));
    if read.iter().any(|tokens| tokens.is_empty()) {
        return Ok(None);
    }
    let batch = Packed::new(read.iter().map(|tokens| tokens.ids.as_slice()));
    let traces = model.encoder().forward(&batch, TraceLevel::LastHidden, UNSTOPPED)?;
    let mut vectors = traces
        .iter()
        .map(|trace| model.pool(trace))
        .collect::<Result<Vec<_>, _>>()?;
    let nothing = vectors.remove(0);
    let cosines: f32 = vectors.iter().map(|vector| cosine(&nothing, vector)).sum();
    Ok(Some((nothing, cosines / PROBES.len() as f32)))
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| row_products(a, b, a.len()).first().copied().unwrap_or(0.0);
    let lengths = (product(a, a) * product(b, b)).sqrt();
    if lengths > 0.0 { product(a, b) / lengths } else { 0.0 }
}

#[cfg(all(test, feature = "embedded-model"))]
mod tests {
    use super::*;
    use crate::model::Source;

    #[test]
    fn the_embedded_model_is_not_crowded_so_that_it_need_not_be_measured() {
        let model = Model::load(&Source::EMBEDDED).unwrap();
        let (_, alti_proximity) = alti_proximity(&model).unwrap().unwrap();
        assert!(alti_proximity < CROWDED / 2.0, "{alti_proximity}");
        assert!(measure(&model).unwrap().is_none() && model.reference().unwrap().is_none());
    }
}
