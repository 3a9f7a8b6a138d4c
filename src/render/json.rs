//! The JSON of the command line and of `fovea/explain`: fields are a contract, positions are `{"byte","line","column"}`,
//! zero-based, columns in UTF-8 bytes.

use serde::Serialize;

use super::compared::Compared;
use super::shared::{Shared, shared, summary};
use crate::analysis::{DocumentReport, UnitReport, WordScore};
use crate::explain::{Centered, CenteredSide, Link, Method, PairReport, Side};
use crate::model::ModelInfo;
use crate::segment::{Unit, UnitKind};
use crate::similar::decision::CloneType;
use crate::similar::index::{self, Coverage, Found, Group, IndexedItem, Renewal, Why};
use crate::text::{ByteRange, PositionEncoding, Snapshot};

/// A position in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct JsonPosition {
    /// Byte offset.
    pub byte: usize,
    /// Line, from 0.
    pub line: u32,
    /// Column in UTF-8 bytes, from 0.
    pub column: u32,
}

impl From<index::FilePosition> for JsonPosition {
    fn from(place: index::FilePosition) -> JsonPosition {
        JsonPosition {
            byte: place.byte,
            line: place.line,
            column: place.column,
        }
    }
}

impl JsonPosition {
    /// The position of a byte offset.
    pub fn new(snapshot: &Snapshot, byte: usize) -> JsonPosition {
        let position = snapshot.position(byte, PositionEncoding::Utf8);
        JsonPosition {
            byte,
            line: position.line,
            column: position.column,
        }
    }
}

/// `fovea explain --format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explain {
    /// Name of the model.
    pub model: String,
    /// Salience method.
    pub method: Method,
    /// The file as the user named it; `-` for standard input.
    pub file: String,
    /// Language of the document.
    pub language: &'static str,
    /// Why the document was split by its lines although its language has a grammar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unparsed: Option<String>,
    /// One entry per analyzed unit, in order.
    pub units: Vec<ExplainUnit>,
}

/// One unit of [`Explain`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainUnit {
    /// The kind of its contents.
    pub kind: UnitKind,
    /// The function, type or heading it belongs to.
    pub name: Option<String>,
    /// Where it starts.
    pub start: JsonPosition,
    /// Where it ends, exclusive.
    pub end: JsonPosition,
    /// Name of the model that explained it.
    pub model: String,
    /// Word pieces, special tokens included.
    pub tokens: usize,
    /// Share of its letters that the vocabulary contains.
    pub coverage: f32,
    /// Share of the biases.
    pub bias_share: f32,
    /// Share of the special tokens.
    pub special_share: f32,
    /// For additive methods |1 - sum of all shares|.
    pub residual: f32,
    /// Milliseconds.
    pub ms: f32,
    /// Its source words, in order.
    pub words: Vec<ExplainWord>,
}

/// One word of [`ExplainUnit`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainWord {
    /// The source text of the word.
    pub text: String,
    /// Where it starts.
    pub start: JsonPosition,
    /// Where it ends, exclusive.
    pub end: JsonPosition,
    /// Its score.
    pub score: f32,
    /// 1 for the unit's highest score.
    pub rank: u32,
}

/// The JSON of a document's report; units that are not analyzed are omitted.
pub fn explain(report: &DocumentReport, model: &ModelInfo, method: Method, file: &str) -> Explain {
    let units = report.segments.units.iter().zip(&report.units);
    let units = units
        .filter_map(|(unit, explained)| Some(explain_unit(&report.snapshot, unit, explained.as_deref()?, &model.name)));
    Explain {
        model: model.name.clone(),
        method,
        file: file.to_owned(),
        language: report.snapshot.language().name(),
        unparsed: report.segments.unparsed.map(|reason| reason.to_string()),
        units: units.collect(),
    }
}

/// The JSON of one unit. `model` is the name of the chosen model.
pub fn explain_unit(snapshot: &Snapshot, unit: &Unit, report: &UnitReport, model: &str) -> ExplainUnit {
    let word = |word: &WordScore| {
        let range = unit.range.start + word.range.start..unit.range.start + word.range.end;
        ExplainWord {
            text: snapshot.text(range.clone()).into_owned(),
            start: JsonPosition::new(snapshot, range.start),
            end: JsonPosition::new(snapshot, range.end),
            score: word.score,
            rank: word.rank,
        }
    };
    ExplainUnit {
        kind: unit.kind,
        name: unit.name.clone(),
        start: JsonPosition::new(snapshot, unit.range.start),
        end: JsonPosition::new(snapshot, unit.range.end),
        model: report.reader().name(model).to_owned(),
        tokens: report.tokens,
        coverage: report.coverage,
        bias_share: report.bias_share,
        special_share: report.special_share,
        residual: report.residual,
        ms: report.ms,
        words: report.words.iter().map(word).collect(),
    }
}

/// `fovea compare`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compare {
    /// Name of the model that read both passages.
    pub model: String,
    /// Cosine of the two embeddings.
    pub cosine: f32,
    /// |cosine - sum of all pairs|.
    pub residual: f32,
    /// The first passage.
    pub a: CompareSide,
    /// The second passage.
    pub b: CompareSide,
    /// What both passages share, in one sentence.
    pub summary: String,
    /// The words that both passages share, most important first.
    pub shared: Vec<Shared>,
    /// Words of a × words of b, then a row and a column for special tokens, then one for biases; absent if it was not requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Vec<Vec<f32>>>,
    /// Corresponding words, as indices into the words.
    pub alignment: Vec<Link>,
    /// The same minus the means of the languages; absent if no means were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centered: Option<CompareCentered>,
    /// Milliseconds.
    pub ms: f32,
}

/// The centered variant of [`Compare`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareCentered {
    /// Cosine of the embeddings without the means of their languages.
    pub cosine: f32,
    /// The similarity that `fovea similar` and lenses show. With the embedded model and within one language it is that cosine.
    pub similarity: f32,
    /// |centered cosine - sum of all pairs|.
    pub residual: f32,
    /// The part of the raw cosine that the languages have in common: cosine = common + own_length · centered cosine.
    pub common: f32,
    /// The product of the lengths of both centered embeddings.
    pub own_length: f32,
    /// The first passage.
    pub a: CompareCenteredSide,
    /// The second passage.
    pub b: CompareCenteredSide,
    /// As the raw pairs, then a row and a column for the means of the languages; absent if they were not requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Vec<Vec<f32>>>,
}

/// One passage of [`CompareCentered`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareCenteredSide {
    /// The language whose mean is subtracted.
    pub language: &'static str,
    /// Whether that mean is known; otherwise nothing is subtracted.
    pub known: bool,
    /// The contribution of each of the passage's words to the centered cosine.
    pub scores: Vec<f32>,
    /// The contribution of its special tokens.
    pub special: f32,
    /// The contribution of the biases.
    pub bias: f32,
    /// The contribution of subtracting the mean.
    pub common: f32,
}

/// One passage of [`Compare`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareSide {
    /// Its words, in order.
    pub words: Vec<CompareWord>,
    /// The contribution of its special tokens to the cosine.
    pub special: f32,
    /// The contribution of the biases to the cosine.
    pub bias: f32,
    /// Share of its letters that the vocabulary contains.
    pub coverage: f32,
}

/// One word of [`CompareSide`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareWord {
    /// The source text of the word.
    pub text: String,
    /// Where it starts, in its document.
    pub start: JsonPosition,
    /// Where it ends, exclusive.
    pub end: JsonPosition,
    /// Its contribution to the cosine.
    pub score: f32,
}

/// The JSON of a comparison of two passages, each a range of a snapshot.
pub fn compare(report: &PairReport, a: (&Snapshot, &ByteRange), b: (&Snapshot, &ByteRange)) -> Compare {
    let (text_a, text_b) = (a.0.text(a.1.clone()), b.0.text(b.1.clone()));
    let compared = Compared {
        report,
        a: &text_a,
        b: &text_b,
    };
    let shared = shared(compared);
    Compare {
        model: report.model.clone(),
        summary: summary(compared, &shared, str::to_owned),
        shared,
        cosine: report.cosine,
        residual: report.residual,
        a: side(&report.a, a),
        b: side(&report.b, b),
        pairs: (0..report.a.words.len() + 2)
            .map(|i| Some(report.row(i)?.to_vec()))
            .collect(),
        alignment: report.alignment.clone(),
        centered: report.centered.as_ref().map(|own| centered(own, a.0, b.0)),
        ms: report.ms,
    }
}

fn centered(report: &Centered, a: &Snapshot, b: &Snapshot) -> CompareCentered {
    let side = |side: &CenteredSide, snapshot: &Snapshot| CompareCenteredSide {
        language: snapshot.language().name(),
        known: side.known,
        scores: side.scores.clone(),
        special: side.special,
        bias: side.bias,
        common: side.common,
    };
    CompareCentered {
        cosine: report.cosine,
        similarity: report.similarity,
        residual: report.residual,
        common: report.common,
        own_length: report.own_length,
        a: side(&report.a, a),
        b: side(&report.b, b),
        pairs: (0..report.a.scores.len() + 3)
            .map(|i| Some(report.row(i)?.to_vec()))
            .collect(),
    }
}

fn side(side: &Side, (snapshot, passage): (&Snapshot, &ByteRange)) -> CompareSide {
    let word = |(range, score): (&ByteRange, &f32)| {
        let range = passage.start + range.start..passage.start + range.end;
        CompareWord {
            text: snapshot.text(range.clone()).into_owned(),
            start: JsonPosition::new(snapshot, range.start),
            end: JsonPosition::new(snapshot, range.end),
            score: *score,
        }
    };
    CompareSide {
        words: side.words.iter().zip(&side.scores).map(word).collect(),
        special: side.special,
        bias: side.bias,
        coverage: side.coverage,
    }
}

/// An item of an indexed folder, in the answers of `fovea search` and `fovea similar`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundItem {
    /// Its file, below the folder.
    pub path: String,
    /// Its name in the source.
    pub name: String,
    /// The name of the type or function that contains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Its kind.
    pub kind: &'static str,
    /// Its language.
    pub language: &'static str,
    /// Where it starts.
    pub start: JsonPosition,
    /// Where it ends, exclusive.
    pub end: JsonPosition,
    /// Language-centered cosine with the queried item; in a search its relevance, at most 1. `None` for the queried item itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// The folder's name in the store, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The web page that shows it, if the store knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The reasons why a search found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// One entry of `fovea similar --format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimilarItems {
    /// The queried item.
    pub item: FoundItem,
    /// The items that resemble it, best first.
    pub similar: Vec<FoundItem>,
}

/// One entry of `fovea similar DIR --format json`: items that all resemble each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupOfItems {
    /// The lowest cosine of two of them.
    pub score: f32,
    /// How they resemble each other: `same_text`, `renamed`, `changed` or `same_task`.
    #[serde(rename = "type")]
    pub clone: CloneType,
    /// The total lines of all members except the longest.
    pub lines: u32,
    /// Their languages, by name.
    pub languages: Vec<&'static str>,
    /// The items by path and position; the score of each is its mean cosine with the others.
    pub members: Vec<FoundItem>,
}

/// The JSON of a group.
pub fn group(group: &Group) -> GroupOfItems {
    let mut languages: Vec<&str> = group.members.iter().map(|member| member.item.language.name()).collect();
    languages.sort_unstable();
    languages.dedup();
    GroupOfItems {
        score: group.score,
        clone: group.clone,
        lines: group.lines,
        languages,
        members: group.members.iter().map(found).collect(),
    }
}

/// The JSON of a found item.
pub fn found(found: &Found) -> FoundItem {
    FoundItem {
        container: found.container.clone(),
        score: Some(found.score),
        folder: (!found.root.is_absolute()).then(|| found.root.display().to_string()),
        link: found.link.clone(),
        why: found.why.clone(),
        ..item(&found.path, &found.item)
    }
}

/// The JSON of an item.
pub fn item(path: &std::path::Path, item: &IndexedItem) -> FoundItem {
    FoundItem {
        path: path.display().to_string(),
        name: item.name.clone(),
        container: None,
        kind: item.kind.name(),
        language: item.language.name(),
        start: item.start.into(),
        end: item.end.into(),
        score: None,
        folder: None,
        link: None,
        why: None,
    }
}

/// `fovea index --format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Indexed<'a> {
    /// The changes that the update made.
    #[serde(flatten)]
    pub renewal: &'a Renewal,
    /// The file of the index.
    pub index: String,
    /// Its bytes.
    pub bytes: u64,
    /// The coverage of the folder, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<&'a Coverage>,
}
