//! Lower-casing that other files of a model's folder request.

use tokenizers::NormalizerWrapper;
use tokenizers::normalizers::{Lowercase, Sequence};

/// The settings of the other files about upper and lower case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetterCase {
    /// `do_lower_case` of sentence_bert_config.json: lower-cases texts before all other normalization.
    pub before: bool,
    /// `do_lower_case` of tokenizer_config.json, which overrides tokenizer.json for BERT's own normalizer.
    pub bert: Option<bool>,
}

/// Applies the settings to a normalizer; also returns whether that changed it.
pub(super) fn apply(normalizer: Option<NormalizerWrapper>, case: LetterCase) -> (Option<NormalizerWrapper>, bool) {
    let mut changed = false;
    let mut parts = match normalizer {
        Some(NormalizerWrapper::Sequence(sequence)) => sequence.into_iter().collect(),
        Some(single) => vec![single],
        None => Vec::new(),
    };
    for part in &mut parts {
        if let (NormalizerWrapper::BertNormalizer(bert), Some(lowercase)) = (part, case.bert) {
            changed |= bert.lowercase != lowercase;
            bert.lowercase = lowercase;
        }
    }
    let lowers = |part: &NormalizerWrapper| matches!(part, NormalizerWrapper::Lowercase(_));
    if case.before && !parts.iter().any(lowers) {
        parts.insert(0, NormalizerWrapper::Lowercase(Lowercase));
        changed = true;
    }
    let whole = match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(NormalizerWrapper::Sequence(Sequence::new(parts))),
    };
    (whole, changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::normalizers::{BertNormalizer, NFC};
    use tokenizers::{NormalizedString, Normalizer};

    fn normalized(normalizer: Option<NormalizerWrapper>, case: LetterCase) -> (String, bool) {
        let mut text = NormalizedString::from("Ab");
        let (normalizer, changed) = apply(normalizer, case);
        if let Some(normalizer) = normalizer {
            normalizer.normalize(&mut text).unwrap();
        }
        (text.get().to_owned(), changed)
    }

    #[test]
    fn each_file_applies_to_its_own_normalizer() {
        let bert = |lowercase| Some(BertNormalizer::new(true, true, None, lowercase).into());
        let (none, before) = (
            LetterCase::default(),
            LetterCase {
                before: true,
                bert: None,
            },
        );
        let of_bert = |lowercase| LetterCase {
            before: false,
            bert: Some(lowercase),
        };
        for (normalizer, case, expected) in [
            (None, none, ("Ab", false)),
            (None, before, ("ab", true)),
            (Some(NFC.into()), before, ("ab", true)),
            (Some(NFC.into()), of_bert(true), ("Ab", false)),
            (bert(false), of_bert(true), ("ab", true)),
            (bert(true), of_bert(false), ("Ab", true)),
            (bert(true), of_bert(true), ("ab", false)),
            (bert(true), none, ("ab", false)),
        ] {
            assert_eq!(
                normalized(normalizer, case),
                (expected.0.to_owned(), expected.1),
                "{case:?}"
            );
        }
    }
}
