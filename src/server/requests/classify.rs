//! Classes by the user's probe: a lens for each item with a clear class, and `fovea.classify`, which says which words decided.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{CodeLens, Command, MessageType, Position, Uri};

use super::paragraphs::{paragraphs, vector};
use crate::analysis::{DocumentReport, ModelStatus, Toward, item_vector, past_indentation};
use crate::explain::{Method, Parts};
use crate::segment::Item;
use crate::server::probes::misfit;
use crate::server::protocol::{AnswerWord, CLASSIFY, ClassFound, ClassifyAnswer, ClassifyArgs};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;
use crate::similar::probe::Probe;

/// Minimum probability of a class in a lens.
const MIN_PROBABILITY: f64 = 0.8;

/// Labels of texts that are nothing special: they get no lens.
const NOTHING: [&str; 3] = ["other", "none", "nothing"];

/// Words that a message names.
const NAMED: usize = 4;

/// The user's probe; `None` without one, and while the model is loading.
fn probe(session: &Session, request: &RequestSnapshot) -> std::result::Result<Option<Arc<Probe>>, String> {
    let Some(name) = &request.settings.probe else {
        return Ok(None);
    };
    let (probe, is_new) = session.probes.load(name);
    if is_new {
        // What the status says about the file may have changed with it.
        session.outbox.add(|outgoing| outgoing.status = true);
    }
    let probe = probe?;
    match session.analysis().map(|analysis| analysis.status().model) {
        Some(ModelStatus::Ready(info)) => match misfit(&probe, &info) {
            Some(why) => Err(why),
            None => Ok(Some(probe)),
        },
        _ => Ok(None),
    }
}

/// What is wrong with the user's probe, and what to do.
pub fn problem(session: &Session, request: &RequestSnapshot) -> Option<String> {
    let why = probe(session, request).err()?;
    Some(format!("fovea.classify.probe: {why}"))
}

/// The user's probe, or an error that says how to get one.
///
/// # Errors
/// Invalid parameters without a probe that fits the model.
pub(super) fn required(session: &Session, request: &RequestSnapshot) -> Result<Arc<Probe>> {
    match probe(session, request) {
        Ok(Some(probe)) => Ok(probe),
        Ok(None) if request.settings.probe.is_some() => Err(Error::invalid_params("the model is still loading")),
        Ok(None) => Err(Error::invalid_params(
            "no probe is set; make one with `fovea probe train` and name it in the setting fovea.classify.probe",
        )),
        Err(why) => Err(Error::invalid_params(why)),
    }
}

/// An item with a clear class.
struct Classified {
    item: Item,
    /// The class and its probability: `security-relevant .91`.
    title: String,
}

/// The items with a clear class, of those that are asked for. A version that is not analyzed has none yet.
fn classes(
    session: &Session,
    request: &RequestSnapshot,
    active: &Active,
    asked: impl Fn(&Item) -> bool,
) -> Option<Vec<Classified>> {
    let probe = probe(session, request).ok().flatten()?;
    let report = session.analysis()?.report(&active.id, active.snapshot.version())?;
    if !report.complete() {
        return None;
    }
    let classified = |(item, vector): (&Item, Option<Arc<[f32]>>)| {
        let vector = vector.filter(|vector| vector.len() == probe.width())?;
        let (label, probability) = likeliest(&probe, &probe.probabilities(&vector))?;
        let clear = probability >= MIN_PROBABILITY && !NOTHING.contains(&label.to_lowercase().as_str());
        clear.then(|| Classified {
            item: item.clone(),
            title: title(label, probability),
        })
    };
    let items = report.segments.items.iter().enumerate().filter(|(_, item)| asked(item));
    let items = items.map(|(index, item)| (item, item_vector(&report, index)));
    let paragraphs = paragraphs(&report);
    let read = paragraphs.iter().filter(|item| asked(item));
    let read = read.map(|item| (item, vector(&report, item)));
    Some(items.chain(read).filter_map(classified).collect())
}

fn likeliest<'a>(probe: &'a Probe, probabilities: &[f64]) -> Option<(&'a str, f64)> {
    let labels = probe.labels.iter().map(String::as_str);
    labels
        .zip(probabilities.iter().copied())
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// `security-relevant .91`
fn title(label: &str, probability: f64) -> String {
    let number = format!("{probability:.2}");
    format!("{label} {}", number.strip_prefix('0').unwrap_or(&number))
}

/// A lens for each item with a clear class.
pub fn lenses(session: &Session, request: &RequestSnapshot, uri: &Uri, active: &Active) -> Vec<CodeLens> {
    let found = classes(session, request, active, |_| true).unwrap_or_default();
    let lens = |Classified { item, title }: Classified| {
        let range = request.range(&active.snapshot, &item.name_range);
        let argument = ClassifyArgs {
            uri: uri.clone(),
            position: range.start,
            label: None,
        };
        CodeLens {
            range,
            command: Some(Command {
                title,
                command: CLASSIFY.to_owned(),
                arguments: Some(vec![json!(argument)]),
            }),
            data: None,
        }
    };
    found.into_iter().map(lens).collect()
}

/// The class of the innermost item around an offset, if it is clear.
pub fn class_at(session: &Session, request: &RequestSnapshot, active: &Active, offset: usize) -> Option<String> {
    let found = classes(session, request, active, |item| item.range.contains(&offset))?;
    let innermost = found.into_iter().min_by_key(|found| found.item.range.len())?;
    Some(innermost.title)
}

/// An item that a client asks about.
pub(super) struct AskedItem {
    /// The document that contains it.
    pub active: Active,
    /// The document's items.
    pub report: Arc<DocumentReport>,
    /// The item.
    pub item: Item,
}

/// The item at a position of an analyzed document.
///
/// # Errors
/// Invalid parameters if the document is not analyzed, or nothing there is an item.
pub(super) fn item(session: &Session, request: &RequestSnapshot, uri: &Uri, position: Position) -> Result<AskedItem> {
    let active = request.required(uri)?;
    let report = session
        .analysis()
        .and_then(|analysis| analysis.report(&active.id, active.snapshot.version()));
    let Some(report) = report else {
        return Err(Error::invalid_params(
            "the document is still being analyzed; try again in a moment",
        ));
    };
    let offset = to_proto::offset(&active.snapshot, position, request.client.encoding);
    let offset = past_indentation(&active.snapshot, offset);
    match item_at(&report, offset) {
        Some(item) => Ok(AskedItem { active, report, item }),
        None => Err(Error::invalid_params(
            "there is no function, type, section or paragraph at this position; move the cursor into one",
        )),
    }
}

/// The innermost item around an offset, or the paragraph of a text without items.
pub(super) fn item_at(report: &DocumentReport, offset: usize) -> Option<Item> {
    let items = report.segments.items.iter().cloned().chain(paragraphs(report));
    let around = items.filter(|item| item.range.start <= offset && offset <= item.range.end);
    around.min_by_key(|item| item.range.len())
}

/// The class that the analysis of the document suggests for an item; the explanation decides.
fn suggested(asked: &AskedItem, probe: &Probe) -> Option<usize> {
    let report = &asked.report;
    let vector = match report.segments.items.iter().position(|item| *item == asked.item) {
        Some(index) => item_vector(report, index),
        None => vector(report, &asked.item),
    };
    let probabilities = probe.probabilities(&vector.filter(|vector| vector.len() == probe.width())?);
    (0..probabilities.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]))
}

/// Says which words decided for the class of an item.
///
/// # Errors
/// Invalid parameters if there is no probe, no such label or no item; otherwise the reason why there is no answer.
pub async fn classify(
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    args: ClassifyArgs,
) -> Result<ClassifyAnswer> {
    let start = Instant::now();
    let probe = required(session, request)?;
    let class = |label: &String| match probe.labels.iter().position(|own| own == label) {
        Some(class) => Ok(class),
        None => Err(Error::invalid_params(format!(
            "the probe has no label {label:?}; its labels are {}",
            probe.labels.join(", ")
        ))),
    };
    let wanted = args.label.as_ref().map(class).transpose()?;
    let asked = item(session, request, &args.uri, args.position)?;
    let first = wanted.or_else(|| suggested(&asked, &probe)).unwrap_or(0);
    let mut found = toward(session, request, &asked, &probe, first).await?;
    let probabilities = probe.probabilities(&found.embedding);
    let mut order: Vec<usize> = (0..probe.labels.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    let class = wanted.unwrap_or(order[0]);
    if class != first {
        found = toward(session, request, &asked, &probe, class).await?;
    }
    let (_, constant) = probe.direction(class, None);
    let AskedItem { active, item, .. } = &asked;
    let parts = Parts {
        value: found.along.value + f64::from(constant),
        bias: found.along.bias + f64::from(constant),
        ..found.along.clone().starting_at(item.range.start)
    };
    let answer = ClassifyAnswer {
        range: request.range(&active.snapshot, &item.range),
        name: item.name.clone(),
        classes: order
            .iter()
            .map(|class| ClassFound {
                label: probe.labels[*class].clone(),
                probability: to_proto::number(probabilities[*class] as f32),
            })
            .collect(),
        label: probe.labels[class].clone(),
        model: probe.model.clone(),
        explained: request.explained(&active.snapshot, (Method::Decomposition, "logit"), &parts),
        labels_file: probe.source.clone(),
        ms: to_proto::number(start.elapsed().as_secs_f32() * 1e3),
    };
    if !request.client.fovea {
        client.show_message(MessageType::INFO, essence(&answer)).await;
    }
    Ok(answer)
}

/// The embedding of an item, and what its words add to the logit of a class.
async fn toward(
    session: &Session,
    request: &RequestSnapshot,
    asked: &AskedItem,
    probe: &Probe,
    class: usize,
) -> Result<Toward> {
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    let snapshot = &asked.active.snapshot;
    let text = snapshot.text(asked.item.range.clone()).into_owned();
    let (direction, _) = probe.direction(class, None);
    let found = analysis.along((text, snapshot.language()), direction.into(), request.cancel.clone());
    found.await.map_err(|refusal| to_proto::refusal(&refusal))
}

/// The class and its strongest words in one line: `money .93: bank +1.20 · amount +0.81`.
fn essence(answer: &ClassifyAnswer) -> String {
    let mut words: Vec<&AnswerWord> = answer.explained.words.iter().collect();
    words.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
    let strongest = words.iter().take(NAMED);
    let told: Vec<String> = strongest
        .map(|word| format!("{} {:+.2}", word.text, word.score))
        .collect();
    let own = answer.classes.iter().find(|class| class.label == answer.label);
    let title = title(&answer.label, own.map_or(0.0, |class| class.probability));
    format!("Fovea: {title}: {}", told.join(" · ")).replace(char::is_control, " ")
}
