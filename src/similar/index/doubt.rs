//! Says when a search found nothing that is close to its query.
//!
//! A search always has a best result, even for a question about something that a folder does not contain. Its score tells the two apart
//! (measured in `benches/search`).

use super::query::Query;
use super::ranking::Why;

/// The lowest score that the first result usually has if the folder answers the query. For the embedded model and queries in English;
/// questions in other languages have no such score.
pub(super) const EXPECTED: f32 = 0.18;

/// The sentence, without a period, that warns of results which are far from their query. `found` are the scores and their parts, best
/// first. `expected` is [`super::ReadQuery::expected`].
///
/// There is no warning for results that contain every word of the query: a single word may be rare and mean little to the model.
pub fn doubt<'a>(
    query: &Query,
    expected: Option<f32>,
    found: impl IntoIterator<Item = (f32, Option<&'a Why>)>,
) -> Option<String> {
    let expected = expected?;
    let mut found = found.into_iter().peekable();
    let (best, _) = *found.peek()?;
    let holds_all = |why: &Why| query.words.iter().all(|word| why.matched.contains(&word.text));
    if best >= expected || (!query.words.is_empty() && found.any(|(_, why)| why.is_some_and(holds_all))) {
        return None;
    }
    Some(format!(
        "nothing here is close to this query: the best result scores {best:.2}, and answers rarely score less than {expected:.2}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similar::index::Filter;

    fn why(matched: &[&str]) -> Why {
        Why {
            matched: matched.iter().map(|word| (*word).to_owned()).collect(),
            ..Why::default()
        }
    }

    #[test]
    fn low_scores_are_doubted_unless_a_result_contains_every_word() {
        let query = Query::parse("push notification", &mut Filter::default());
        let (one, both) = (why(&["push"]), why(&["notification", "push"]));
        let doubted = |expected, found: &[(f32, &Why)]| {
            doubt(&query, expected, found.iter().map(|(score, why)| (*score, Some(*why)))).is_some()
        };
        assert!(doubted(Some(0.18), &[(0.17, &one), (0.1, &one)]));
        assert!(!doubted(Some(0.18), &[(0.18, &one), (0.1, &one)]), "the score is usual");
        assert!(
            !doubted(Some(0.18), &[(0.17, &one), (0.1, &both)]),
            "the words are there"
        );
        assert!(!doubted(None, &[(0.01, &one)]), "nothing is known about this model");
        assert!(!doubted(Some(0.18), &[]), "an empty list says it already");
    }
}
