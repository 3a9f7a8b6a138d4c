//! Lower-casing that a folder asks for beside its tokenizer.json.

use tokenizers::NormalizerWrapper;
use tokenizers::normalizers::{Lowercase, Sequence};

/// What the other files of a folder say about upper and lower case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetterCase {
    /// `do_lower_case` of sentence_bert_config.json: texts are lower-cased before anything else.
    pub before: bool,
    /// `do_lower_case` of tokenizer_config.json, which decides for BERT's own normalizer whatever tokenizer.json says.
    pub bert: Option<bool>,
}

/// The normalizer with what the folder says, and whether that is anything new.
pub(super) fn apply(normalizer: Option<NormalizerWrapper>, case: LetterCase) -> (Option<NormalizerWrapper>, bool) {
    let mut changed = false;
    let mut parts = match normalizer {
        Some(NormalizerWrapper::Sequence(sequence)) => sequence.into_iter().collect(),
        Some(one) => vec![one],
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
    fn either_file_decides_where_it_may() {
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
