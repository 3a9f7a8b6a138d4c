//! The questions of the page, as paths.
//!
//! | path | answer |
//! | --- | --- |
//! | `document` | the file, the model, the units |
//! | `structure` | the model as a tree, and as diagrams |
//! | `weights/P` | the weights of part P of the structure: a picture, their distribution |
//! | `work/U` | what ran for a unit, and how long each part of the model took |
//! | `given/T/…` | the answer to any other question if the decoder is given the text T, in hexadecimal |
//! | `unit/U` | text, words and tokens of a unit |
//! | `salience/U` | scores of its words by the methods that take one pass |
//! | `scores/U/M` | scores of its words by method M, such as `lime`, which may take many passes |
//! | `attention/U/L` | the maps of a layer: 16-bit fractions (heads, n, m); `attention/U/d/L` of the decoder, `x` its look at the encoder |
//! | `head/U/L/H` | queries, keys, values and scores of a head; with `d` or `x` likewise |
//! | `steps/U/L/T` | what a layer did with a token, operation by operation; with `d` in the decoder |
//! | `row/U/N/O` | the weights of output O of the matrix at node N of the tape |
//! | `pool/U/D` | how coordinate D of the embedding comes from the tokens |
//! | `through/U` | norms, drift and shares, layer by layer |
//! | `without/U/W` | how far the embedding turns if word W is deleted |
//! | `whatif/U/E` | embedding, salience, classes and next token before and after an edit ([`Edit`]) |
//! | `near/U/E` | the items of the file nearest to the unit, before and after an edit |
//! | `answer/U/E/Q` | where a head for questions finds the answer to Q, in hexadecimal, before and after an edit |
//! | `lens/U/T` | what each layer's row of token T would predict; with `d` of the decoder's text |
//! | `next/U/I.I` | which tokens may follow the unit and the tokens I that were written behind it; `-` for none |
//! | `why/U/I.I/J` | what the last of these tokens comes from, rather than token J where one is named |
//! | `similarity` | the items of the file: cosines and a map |
//! | `pair/A/B` | why two of these items are similar, word by word |

use super::edit::{Edit, number, text_of};
use crate::explain::Method;
use crate::model::hex;

/// The kind of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Look {
    /// Of the stack that reads the document.
    #[default]
    Reading,
    /// Of the decoder of an encoder–decoder, at its own text.
    Writing,
    /// Of that decoder, at the encoder's output.
    Cross,
}

impl Look {
    /// Its name in a path.
    fn part(self) -> &'static str {
        match self {
            Look::Reading => "",
            Look::Writing => "/d",
            Look::Cross => "/x",
        }
    }
}

/// A question of the page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// The file, the model, the units.
    Document,
    /// The structure of the model.
    Structure,
    /// The weights of a part of the structure.
    Weights(usize),
    /// What ran for a unit, with times.
    Work(usize),
    /// Another question, with a text for the decoder of an encoder–decoder.
    Given(String, Box<Question>),
    /// Text, words and tokens of a unit.
    Unit(usize),
    /// Scores of a unit's words by the methods that take one pass.
    Salience(usize),
    /// Scores of a unit's words by one method.
    Scores(usize, Method),
    /// Attention maps of a unit in a layer.
    Attention(usize, Look, usize),
    /// Queries, keys, values and scores of a unit, in a layer, by a head.
    Head(usize, Look, usize, usize),
    /// The operations of a layer on a token of a unit: unit, stack, layer, token.
    Steps(usize, Look, usize, usize),
    /// The weights of an output of a matrix: unit, node, output.
    Row(usize, usize, usize),
    /// A coordinate of a unit's embedding: unit, coordinate.
    Pool(usize, usize),
    /// Norms, drift and shares of a unit, layer by layer.
    Through(usize),
    /// The embedding of a unit without a word: unit, word.
    Without(usize, usize),
    /// A unit as it is and as it would be.
    WhatIf(usize, Edit),
    /// The items nearest to a unit as it is and as it would be.
    Near(usize, Edit),
    /// The answer to a question in a unit as it is and as it would be.
    Answer(usize, Edit, String),
    /// What each layer's row of a token would predict: unit, stack, token.
    Lens(usize, Look, usize),
    /// The next tokens after a unit and the tokens written after it.
    Next(usize, Vec<u32>),
    /// The explanation of the last written token, compared with another one if given.
    Why(usize, Vec<u32>, Option<u32>),
    /// The items of the file, and how similar they are.
    Similarity,
    /// Two of these items, word by word.
    Pair(usize, usize),
}

/// Maximum bytes of a text for a decoder.
const GIVEN: usize = 4096;

/// Maximum bytes of a question about the text.
const ASKED: usize = 1000;

/// A method that explains an embedding.
fn explained(name: &str) -> Option<Method> {
    Method::ALL.into_iter().find(|method| method.name() == name)
}

/// Maximum number of written tokens in a path; a page writes fewer.
const WRITTEN: usize = 512;

fn written(text: &str) -> Option<Vec<u32>> {
    if text == "-" {
        return Some(Vec::new());
    }
    let ids: Vec<u32> = text
        .split('.')
        .map(|id| Some(number(id)? as u32))
        .collect::<Option<_>>()?;
    (ids.len() <= WRITTEN).then_some(ids)
}

fn shown(ids: &[u32]) -> String {
    match ids.is_empty() {
        true => "-".to_owned(),
        false => ids.iter().map(u32::to_string).collect::<Vec<_>>().join("."),
    }
}

impl Question {
    /// Parses a path; `None` if it is not a question.
    pub fn parse(path: &str) -> Option<Question> {
        if let Some((text, rest)) = path.strip_prefix("given/").and_then(|rest| rest.split_once('/')) {
            let question = Question::parse(rest).filter(|question| !matches!(question, Question::Given(..)))?;
            return Some(Question::Given(text_of(text, GIVEN)?, Box::new(question)));
        }
        let mut parts: Vec<&str> = path.split('/').collect();
        let name = parts.remove(0);
        match (name, parts.as_slice()) {
            ("whatif", [unit, edit]) => return Some(Question::WhatIf(number(unit)?, Edit::parse(edit)?)),
            ("near", [unit, edit]) => return Some(Question::Near(number(unit)?, Edit::parse(edit)?)),
            ("answer", [unit, edit, text]) => {
                return Some(Question::Answer(
                    number(unit)?,
                    Edit::parse(edit)?,
                    text_of(text, ASKED)?,
                ));
            }
            ("scores", [unit, method]) => return Some(Question::Scores(number(unit)?, explained(method)?)),
            ("next", [unit, ids]) => return Some(Question::Next(number(unit)?, written(ids)?)),
            ("why", [unit, ids, rest @ ..]) => {
                let ids = written(ids).filter(|ids| !ids.is_empty())?;
                let other = match rest {
                    [] => None,
                    [other] => Some(number(other)? as u32),
                    _ => return None,
                };
                return Some(Question::Why(number(unit)?, ids, other));
            }
            _ => {}
        }
        let look = match parts.get(1) {
            Some(&"d") => Look::Writing,
            Some(&"x") => Look::Cross,
            _ => Look::Reading,
        };
        if look != Look::Reading {
            parts.remove(1);
        }
        let numbers: Vec<usize> = parts.into_iter().map(number).collect::<Option<_>>()?;
        let own = look == Look::Reading;
        Some(match (name, numbers.as_slice()) {
            ("attention", &[unit, layer]) => Question::Attention(unit, look, layer),
            ("head", &[unit, layer, head]) => Question::Head(unit, look, layer, head),
            ("steps", &[unit, layer, token]) if look != Look::Cross => Question::Steps(unit, look, layer, token),
            ("lens", &[unit, token]) if look != Look::Cross => Question::Lens(unit, look, token),
            ("document", []) => Question::Document,
            ("structure", []) => Question::Structure,
            ("similarity", []) => Question::Similarity,
            ("weights", &[part]) if own => Question::Weights(part),
            ("work", &[unit]) if own => Question::Work(unit),
            ("unit", &[unit]) if own => Question::Unit(unit),
            ("salience", &[unit]) if own => Question::Salience(unit),
            ("row", &[unit, node, output]) if own => Question::Row(unit, node, output),
            ("pool", &[unit, coordinate]) if own => Question::Pool(unit, coordinate),
            ("through", &[unit]) if own => Question::Through(unit),
            ("without", &[unit, word]) if own => Question::Without(unit, word),
            ("pair", &[a, b]) if own => Question::Pair(a, b),
            _ => return None,
        })
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Question::Document => write!(f, "document"),
            Question::Structure => write!(f, "structure"),
            Question::Weights(part) => write!(f, "weights/{part}"),
            Question::Work(unit) => write!(f, "work/{unit}"),
            Question::Given(target, question) => write!(f, "given/{}/{question}", hex(target.as_bytes())),
            Question::Unit(unit) => write!(f, "unit/{unit}"),
            Question::Salience(unit) => write!(f, "salience/{unit}"),
            Question::Attention(unit, look, layer) => write!(f, "attention/{unit}{}/{layer}", look.part()),
            Question::Head(unit, look, layer, head) => write!(f, "head/{unit}{}/{layer}/{head}", look.part()),
            Question::Steps(unit, look, layer, token) => write!(f, "steps/{unit}{}/{layer}/{token}", look.part()),
            Question::Row(unit, node, output) => write!(f, "row/{unit}/{node}/{output}"),
            Question::Pool(unit, coordinate) => write!(f, "pool/{unit}/{coordinate}"),
            Question::Through(unit) => write!(f, "through/{unit}"),
            Question::Without(unit, word) => write!(f, "without/{unit}/{word}"),
            Question::WhatIf(unit, edit) => write!(f, "whatif/{unit}/{edit}"),
            Question::Answer(unit, edit, text) => write!(f, "answer/{unit}/{edit}/{}", hex(text.as_bytes())),
            Question::Scores(unit, method) => write!(f, "scores/{unit}/{}", method.name()),
            Question::Near(unit, edit) => write!(f, "near/{unit}/{edit}"),
            Question::Lens(unit, look, token) => write!(f, "lens/{unit}{}/{token}", look.part()),
            Question::Next(unit, ids) => write!(f, "next/{unit}/{}", shown(ids)),
            Question::Why(unit, ids, None) => write!(f, "why/{unit}/{}", shown(ids)),
            Question::Why(unit, ids, Some(other)) => write!(f, "why/{unit}/{}/{other}", shown(ids)),
            Question::Similarity => write!(f, "similarity"),
            Question::Pair(a, b) => write!(f, "pair/{a}/{b}"),
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
            "weights/12",
            "work/0",
            "given/c3a9/steps/3/d/0/7",
            "unit/0",
            "salience/12",
            "attention/0/5",
            "head/0/5/11",
            "steps/3/0/7",
            "row/0/19/383",
            "pool/0/1",
            "through/2",
            "without/0/3",
            "attention/0/d/5",
            "head/0/x/5/11",
            "steps/3/d/0/7",
            "whatif/0/d3,h0.1",
            "whatif/1/-",
            "near/1/m4",
            "answer/0/d3/7768617420",
            "scores/2/integrated-gradients",
            "lens/0/4",
            "lens/0/d/4",
            "next/0/-",
            "next/0/17.3.901",
            "why/0/17.3",
            "why/0/17.3/5",
            "similarity",
            "pair/0/3",
        ] {
            assert_eq!(Question::parse(path).unwrap().to_string(), path);
        }
    }

    #[test]
    fn an_invalid_path_is_not_a_question() {
        for path in [
            "",
            "unit",
            "unit/",
            "given/c3/unit/0",
            "answer/0/-/",
            "scores/0/none",
            "scores/0/surprisal",
            "given//unit/0",
            "given/61/given/61/unit/0",
            "given/61",
            "unit/-1",
            "unit/1/2",
            "unit/１",
            "unit/../../etc",
            "head/0/0/99999999999999999999",
            "Document",
            "unit/0/d",
            "steps/0/x/1/2",
            "lens/0/x/1",
            "why/0/-",
            "next/0/1..2",
            "next/0/1.x",
            "whatif/0/",
        ] {
            assert_eq!(Question::parse(path), None, "{path}");
        }
    }
}
