//! Answers the page's questions about one document and a model.

use serde_json::{Value, json};

use super::explorer::Explorer;
use super::question::Question;
use super::{
    ViewError, document, generation, heads, lens, mermaid, pair, similarity, span, steps, structure, svg, through,
    weights, whatif, without, work,
};
use crate::model::tape::Stored;

/// An answer to the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Names and numbers.
    Json(Value),
    /// 16-bit fractions.
    Bytes(Vec<u8>),
}

impl Explorer {
    /// Answers a question.
    ///
    /// # Errors
    /// [`ViewError::Missing`] for a unit, layer, head, token or node that does not exist; otherwise errors of the model.
    pub fn answer(&self, question: &Question) -> Result<Answer, ViewError> {
        let json = match *question {
            Question::Document => document::document(self),
            Question::Structure => structure_with_drawings(self),
            Question::Weights(part) => weights::answer(&self.network, part)?,
            Question::Work(unit) => work::answer(self, self.pass(unit)?.as_ref())?,
            Question::Given(ref target, ref question) => return self.giving(target).answer(question),
            Question::Unit(unit) => document::unit(self, unit, self.pass(unit)?.as_ref()),
            Question::Salience(unit) => document::salience(&self.model, self.pass(unit)?.as_ref())?,
            Question::Scores(unit, method) => document::scores(&self.model, self.pass(unit)?.as_ref(), method)?,
            Question::Attention(unit, look, layer) => {
                return Ok(Answer::Bytes(heads::maps(self.pass(unit)?.as_ref(), look, layer)?));
            }
            Question::Head(unit, look, layer, head) => heads::head(self.pass(unit)?.as_ref(), look, layer, head)?,
            Question::Steps(unit, look, layer, token) => {
                steps::answer(&self.network, self.pass(unit)?.as_ref(), look, layer, token)?
            }
            Question::Row(unit, node, output) => steps::row(self.pass(unit)?.as_ref(), node, output)?,
            Question::Pool(unit, coordinate) => through::pool(&self.model, self.pass(unit)?.as_ref(), coordinate)?,
            Question::Through(unit) => through::answer(&self.model, self.pass(unit)?.as_ref())?,
            Question::Without(unit, word) => without::answer(&self.model, self.pass(unit)?.as_ref(), word)?,
            Question::WhatIf(unit, ref edit) => whatif::answer(self, unit, edit)?,
            Question::Answer(unit, ref edit, ref question) => span::answer(self, unit, edit, question)?,
            Question::Near(unit, ref edit) => whatif::near(self, unit, edit)?,
            Question::Lens(unit, look, token) => lens::answer(self, self.pass(unit)?.as_ref(), look, token)?,
            Question::Next(unit, ref ids) => generation::next(self, unit, ids)?,
            Question::Why(unit, ref ids, other) => generation::why(self, unit, ids, other)?,
            Question::Similarity => similarity::answer(self)?,
            Question::Pair(a, b) => pair::answer(self, a, b)?,
        };
        Ok(Answer::Json(json))
    }
}

/// The tree with its diagrams, and the bytes of each part with weights, for the page.
fn structure_with_drawings(explorer: &Explorer) -> Value {
    let info = explorer.model.info();
    let tree = structure(&explorer.network, info);
    json!({
        "tree": tree,
        "bytes": explorer.network.stored().iter().map(Stored::bytes).collect::<Vec<_>>(),
        "mermaid": mermaid(&tree),
        "svg": svg(&tree),
    })
}
