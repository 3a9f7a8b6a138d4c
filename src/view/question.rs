//! What the page asks, as a path.
//!
//! | path | answer |
//! | --- | --- |
//! | `document` | the file, the model, the units |
//! | `structure` | the model as a tree, and as diagrams |
//! | `unit/U` | text, words and tokens of a unit |
//! | `salience/U` | scores of its words by every method |
//! | `attention/U/L` | the maps of a layer: 16-bit fractions (heads, n, m) |
//! | `head/U/L/H` | queries, keys, values and scores of a head |
//! | `steps/U/L/T` | what a layer did with a token, operation by operation |
//! | `row/U/N/O` | the weights of output O of the matrix at node N of the tape |
//! | `pool/U/D` | how coordinate D of the embedding comes from the tokens |
//! | `through/U` | norms, drift and shares, layer by layer |
//! | `without/U/W` | how far the embedding turns if word W is deleted |

/// A question of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// The file, the model, the units.
    Document,
    /// What the model is made of.
    Structure,
    /// Text, words and tokens of a unit.
    Unit(usize),
    /// Scores of a unit's words by every method.
    Salience(usize),
    /// Attention maps of a unit in a layer.
    Attention(usize, usize),
    /// Queries, keys, values and scores of a unit, in a layer, by a head.
    Head(usize, usize, usize),
    /// What a layer did with a token of a unit: unit, layer, token.
    Steps(usize, usize, usize),
    /// The weights of an output of a matrix: unit, node, output.
    Row(usize, usize, usize),
    /// A coordinate of a unit's embedding: unit, coordinate.
    Pool(usize, usize),
    /// Norms, drift and shares of a unit, layer by layer.
    Through(usize),
    /// The embedding of a unit without a word: unit, word.
    Without(usize, usize),
}

impl Question {
    /// The question of a path; nothing for a path that asks nothing.
    pub fn parse(path: &str) -> Option<Question> {
        let mut parts = path.split('/');
        let name = parts.next()?;
        let numbers: Vec<usize> = parts
            .map(
                |part| match part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit()) {
                    true => part.parse().ok(),
                    false => None,
                },
            )
            .collect::<Option<_>>()?;
        Some(match (name, numbers.as_slice()) {
            ("document", []) => Question::Document,
            ("structure", []) => Question::Structure,
            ("unit", &[unit]) => Question::Unit(unit),
            ("salience", &[unit]) => Question::Salience(unit),
            ("attention", &[unit, layer]) => Question::Attention(unit, layer),
            ("head", &[unit, layer, head]) => Question::Head(unit, layer, head),
            ("steps", &[unit, layer, token]) => Question::Steps(unit, layer, token),
            ("row", &[unit, node, output]) => Question::Row(unit, node, output),
            ("pool", &[unit, coordinate]) => Question::Pool(unit, coordinate),
            ("through", &[unit]) => Question::Through(unit),
            ("without", &[unit, word]) => Question::Without(unit, word),
            _ => return None,
        })
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Question::Document => write!(f, "document"),
            Question::Structure => write!(f, "structure"),
            Question::Unit(unit) => write!(f, "unit/{unit}"),
            Question::Salience(unit) => write!(f, "salience/{unit}"),
            Question::Attention(unit, layer) => write!(f, "attention/{unit}/{layer}"),
            Question::Head(unit, layer, head) => write!(f, "head/{unit}/{layer}/{head}"),
            Question::Steps(unit, layer, token) => write!(f, "steps/{unit}/{layer}/{token}"),
            Question::Row(unit, node, output) => write!(f, "row/{unit}/{node}/{output}"),
            Question::Pool(unit, coordinate) => write!(f, "pool/{unit}/{coordinate}"),
            Question::Through(unit) => write!(f, "through/{unit}"),
            Question::Without(unit, word) => write!(f, "without/{unit}/{word}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_the_path_it_prints() {
        for path in [
            "document",
            "structure",
            "unit/0",
            "salience/12",
            "attention/0/5",
            "head/0/5/11",
            "steps/3/0/7",
            "row/0/19/383",
            "pool/0/1",
            "through/2",
            "without/0/3",
        ] {
            assert_eq!(Question::parse(path).unwrap().to_string(), path);
        }
    }

    #[test]
    fn a_path_that_asks_nothing_is_no_question() {
        for path in [
            "",
            "unit",
            "unit/",
            "unit/-1",
            "unit/1/2",
            "unit/１",
            "unit/../../etc",
            "head/0/0/99999999999999999999",
            "Document",
        ] {
            assert_eq!(Question::parse(path), None, "{path}");
        }
    }
}
