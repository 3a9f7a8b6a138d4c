//! Reads a query with the model, and explains limits of the result.

use super::super::MIN_COVERAGE;
use super::doubt;
use super::reading::embed_tokens;
use crate::model::{Model, ModelError, Reader, Role};
use crate::text::Language;

/// A query after the model has read it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadQuery {
    /// Its normalized embedding; zeros if the model cannot read it, and then only words count.
    pub vector: Vec<f32>,
    /// Why its ranking means less than usual, in one sentence without a period. `None` if the model reads all of it.
    pub note: Option<String>,
    /// The model that read it; only vectors of this model are comparable with it.
    pub reader: Reader,
    /// The lowest score that the first result of a query with an answer usually has. `None` for models without a measured one.
    pub expected: Option<f32>,
}

impl From<Vec<f32>> for ReadQuery {
    fn from(vector: Vec<f32>) -> ReadQuery {
        ReadQuery {
            vector,
            note: None,
            reader: Reader::Chosen,
            expected: None,
        }
    }
}

/// Reads a query with the model that [`Model::reader_of_query`] selects.
///
/// # Errors
/// See [`read_query`].
pub fn route_query(model: &Model, text: &str) -> Result<ReadQuery, ModelError> {
    let reader = model.reader_of_query(text);
    let read = read_query(&model.of_reader(reader), text)?;
    Ok(ReadQuery { reader, ..read })
}

/// Reads a query with the chosen model.
///
/// Of a text longer than the window, the vector covers the beginning. A text that the vocabulary hardly knows has no vector, because its
/// ranking would be random.
///
/// # Errors
/// If the model fails.
pub fn read_query(model: &Model, text: &str) -> Result<ReadQuery, ModelError> {
    let tokens = model.tokenize_as(Role::Query, text, Language::Prose)?;
    let (length, window) = (tokens.len(), model.info().window);
    let reason = if !text.chars().any(char::is_alphanumeric) {
        Some("the query contains no letter and no digit".to_owned())
    } else if tokens.coverage < MIN_COVERAGE {
        let percent = tokens.coverage * 100.0;
        Some(format!(
            "the model knows only {percent:.0} % of the letters of this query"
        ))
    } else {
        None
    };
    if let Some(reason) = reason {
        return Ok(ReadQuery {
            reader: Reader::Chosen,
            expected: None,
            vector: vec![0.0; model.hidden()],
            note: Some(format!(
                "{reason}, so the results come from its words alone; use words that the model knows, or a multilingual model"
            )),
        });
    }
    let note = (length > window).then(|| {
        format!(
            "the query has {length} tokens and the model reads {window}, so the ranking ignores the meaning of the rest; use a shorter query"
        )
    });
    let vector = embed_tokens(model, tokens)?;
    Ok(ReadQuery {
        vector,
        note,
        reader: Reader::Chosen,
        expected: model.is_embedded().then_some(doubt::EXPECTED),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::model::Source;

    static MODEL: LazyLock<Model> = LazyLock::new(|| Model::load(&Source::EMBEDDED).unwrap());

    #[test]
    fn a_query_that_the_model_cannot_read_has_a_note_and_no_vector() {
        let read = |text: &str| read_query(&MODEL, text).unwrap();
        let plain = read("read the settings from a file");
        assert_eq!(plain.note, None);
        assert!(plain.vector.iter().any(|v| *v != 0.0));
        for (text, part) in [
            ("请读取配置文件的设置", "% of the letters"),
            ("🦀🎉", "no letter"),
            ("<=>", "no letter"),
        ] {
            let read = read(text);
            assert!(
                read.note.as_ref().is_some_and(|note| note.contains(part)),
                "{text}: {read:?}"
            );
            assert!(read.vector.iter().all(|v| *v == 0.0) && read.vector.len() == MODEL.hidden());
        }
        let long = read(&"settings of the file ".repeat(200));
        assert!(
            long.note
                .as_ref()
                .is_some_and(|note| note.contains("tokens and the model reads 256")),
            "{long:?}"
        );
        assert!(long.vector.iter().any(|v| *v != 0.0));
    }
}
