//! What an encoder–decoder read for each token that it wrote: it reads one text and writes another.

use super::continuation::{summed, together};
use crate::explain::{Method, Parts, WordMap, attention, target};
use crate::model::generate::Written;
use crate::model::tape::{Network, Target};
use crate::model::{Checkpoint, ModelError, Packed, TapeTrace, Tokens};
use crate::text::ByteRange;

/// For each written token, what the words of the text that was read and the words written before it add to its logit; with
/// [`Method::Attention`] the share of cross-attention that each word of the text had in the position that predicted the token, averaged over
/// layers and heads. Ranges are those of the text followed by what was written.
pub(super) fn translated(
    network: &Network,
    (text, tokens): (&str, &Tokens),
    written: &[Written],
    method: Method,
    checkpoint: Checkpoint,
) -> Result<Vec<Parts>, ModelError> {
    // The decoder begins with a token of its own; the last written token predicts none of these.
    let start = network.spec.start.unwrap_or(0);
    let before = written.iter().map(|token| token.id).take(written.len() - 1);
    let ids: Vec<u32> = std::iter::once(start).chain(before).collect();
    let reading = Packed::new([tokens.ids.as_slice()]);
    let read = network.read(
        &reading,
        Some(&Packed::new([ids.as_slice()])),
        method.keeps(),
        checkpoint,
    )?;
    let Some(tape) = read.tape else {
        return Err(ModelError::Unable("keep its layers"));
    };
    let trace = TapeTrace { tape, sequence: 0 };
    let words = WordMap::new(text, tokens);
    let part = |row: usize| -> Result<Parts, ModelError> {
        if checkpoint() {
            return Err(ModelError::Stopped);
        }
        if method == Method::Attention {
            let looked = attention::cross(&trace, row)?;
            let (ranges, scores, special) = summed(&words, &looked);
            return Ok(with_residual(ranges, scores, special, (1.0, 0.0)));
        }
        let output = written[row].id as usize;
        let found = target(network, &trace, &Target::Logit { row, output })?;
        let (mut ranges, mut scores, mut special) = summed(&words, &found.reading);
        // The first row of the decoder is its start.
        let of_own = own_words(&written[..row]);
        let (start, rest) = found.writing.split_first().unwrap_or((&0.0, &[]));
        let (own_ranges, own_scores, own_special) = summed(&of_own, &rest[..row.min(rest.len())]);
        ranges.extend(
            own_ranges
                .into_iter()
                .map(|own| text.len() + own.start..text.len() + own.end),
        );
        scores.extend(own_scores);
        special += f64::from(*start) + own_special;
        Ok(with_residual(ranges, scores, special, (found.value, found.bias)))
    };
    (0..written.len()).map(part).collect()
}

/// The words of the text that is written so far, which is no continuation of the one that was read.
fn own_words(written: &[Written]) -> WordMap {
    let (text, tokens) = together(("", &Tokens::default()), written);
    WordMap::new(&text, &tokens)
}

fn with_residual(ranges: Vec<ByteRange>, scores: Vec<f32>, special: f64, (value, bias): (f64, f64)) -> Parts {
    let sum: f64 = scores.iter().map(|score| f64::from(*score)).sum();
    Parts {
        residual: Some((value - sum - special - bias).abs()),
        ranges,
        scores,
        special,
        bias,
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parts_leave_of_the_value_is_the_residual() {
        let parts = with_residual(vec![0..1, 1..2], vec![0.5, 0.25], 0.125, (2.0, 1.0));
        assert_eq!(
            (parts.residual, parts.value, parts.special, parts.bias),
            (Some(0.125), 2.0, 0.125, 1.0)
        );
        assert_eq!(
            with_residual(Vec::new(), Vec::new(), -0.5, (0.25, 1.0)).residual,
            Some(0.25)
        );
    }
}
