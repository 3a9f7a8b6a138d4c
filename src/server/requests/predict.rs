//! `fovea.predict`: what the model expects at a place, and which words make it expect that. Nothing is predicted unless a user asks.

use std::sync::Arc;
use std::time::Instant;

use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageType, ProgressToken, Range};

use super::{generator, show};
use crate::analysis::ModelStatus;
use crate::explain::predict::{self, Prediction, Question, TokenName, Why, Wish, lack};
use crate::model::{Ability, ModelInfo};
use crate::server::progress::Steps;
use crate::server::protocol::{AnswerWord, NamedToken, NextToken, PredictAnswer, PredictArgs, WhyToken};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;
use crate::text::Snapshot;

/// Tokens in an answer, by default and at most.
const TOP: usize = 10;
const MAX_TOP: usize = 100;

/// Maximum number of tokens that are read. Fewer than on the command line, because a user waits.
const WINDOW: usize = 512;

/// Words that a message names.
const NAMED: usize = 5;

/// Says what the model expects at a place. A client without user interface of ours gets the tokens as a choice, and the words behind the
/// chosen one as a message.
///
/// # Errors
/// Invalid parameters for a model that predicts nothing, or a document that is not open or not analyzed; otherwise the reason why there is
/// no answer.
pub async fn predict(
    session: &Arc<Session>,
    client: &Client,
    request: &RequestSnapshot,
    asked: PredictArgs,
    token: Option<ProgressToken>,
) -> Result<PredictAnswer> {
    let active = request.required(&asked.uri)?;
    let place = Range {
        start: asked.position,
        end: asked.position,
    };
    let offset = request.bytes(&active.snapshot, place).start;
    let model = model(session, request)?;
    let steps = Steps::begin(client, token, "Fovea: what comes next").await;
    let found = answer(session, request, (&active, offset), &model, &asked).await;
    steps.end().await;
    let found = found?;
    if !request.client.fovea {
        let place = (&active, offset);
        tell((session, client, request), &model, place, &asked, &found).await;
    }
    Ok(found)
}

/// What predicts.
enum Predictor {
    /// The model that also explains.
    Chosen(Box<ModelInfo>),
    /// The one of the setting `model.generator`.
    Generator,
}

/// The model that predicts, if there is one.
fn model(session: &Session, request: &RequestSnapshot) -> Result<Predictor> {
    if request.settings.generator.is_some() {
        return Ok(Predictor::Generator);
    }
    match session.analysis().map(|analysis| analysis.status().model) {
        Some(ModelStatus::Ready(info)) => match lack(&info) {
            None => Ok(Predictor::Chosen(info)),
            Some(why) => Err(Error::invalid_params(format!(
                "{why}; set fovea.model.generator to a model that does, such as a GGUF file of Gemma 3 270M"
            ))),
        },
        Some(ModelStatus::Failed(why)) => Err(Error::invalid_params(why)),
        _ => Err(Error::invalid_params("the model is still loading")),
    }
}

/// Whether a model predicts something.
pub fn is_able(session: &Session, request: &RequestSnapshot) -> bool {
    model(session, request).is_ok()
}

async fn answer(
    session: &Arc<Session>,
    request: &RequestSnapshot,
    (active, offset): (&Active, usize),
    model: &Predictor,
    asked: &PredictArgs,
) -> Result<PredictAnswer> {
    let start = Instant::now();
    let name = |token: &NamedToken| match token {
        NamedToken::Id(id) => TokenName::Id(*id),
        NamedToken::Text(text) => TokenName::Text(text.clone()),
    };
    let wish = Wish {
        top: asked.top.unwrap_or(TOP).clamp(1, MAX_TOP),
        window: WINDOW,
        surprisal: false,
        why: (asked.why.is_some() || asked.rather_than.is_some()).then(|| Question {
            token: asked.why.as_ref().map(name),
            rather_than: asked.rather_than.as_ref().map(name),
            ..Question::default()
        }),
    };
    let (found, name) = match model {
        Predictor::Chosen(model) if model.abilities.contains(&Ability::NextToken) => {
            let analysis = session.analysis().ok_or_else(Error::internal_error)?;
            let document = (&active.id, active.snapshot.clone());
            let found = analysis.predict(document, offset, wish, request.cancel.clone()).await;
            (
                found.map_err(|refusal| to_proto::refusal(&refusal))?,
                model.name.clone(),
            )
        }
        _ => by_interpreter(session, request, &active.snapshot, offset, wish).await?,
    };
    let next = found.next.into_iter().map(|next| NextToken {
        id: next.id,
        token: next.token,
        probability: to_proto::number(next.probability),
    });
    Ok(PredictAnswer {
        model: name,
        masked: found.masked,
        next: next.collect(),
        why: found.why.map(|why| told(request, active, why)),
        ms: to_proto::number(start.elapsed().as_secs_f32() * 1e3),
    })
}

/// The prediction of a model that the analysis does not run, and its name: the generator, or one that fills masks, whose head the analysis leaves
/// out.
async fn by_interpreter(
    session: &Arc<Session>,
    request: &RequestSnapshot,
    snapshot: &Snapshot,
    offset: usize,
    wish: Wish,
) -> Result<(Prediction, String)> {
    let document = snapshot.clone();
    generator::run(session, request, snapshot, move |model, checkpoint| {
        let found = predict::predict(model, &document, offset, &wish, checkpoint)?;
        Ok((found, model.info().name.clone()))
    })
    .await
}

/// Why a token is expected, as the client is told.
fn told(request: &RequestSnapshot, active: &Active, why: Why) -> WhyToken {
    WhyToken {
        token: why.token,
        rather_than: why.rather_than,
        explained: request.explained(&active.snapshot, (why.by, why.target), &why.parts),
    }
}

/// For editors without a list of ours: the tokens as a choice, then the words behind the chosen one with the other tokens as a choice, then the
/// words that decided between the two.
async fn tell(
    (session, client, request): (&Arc<Session>, &Client, &RequestSnapshot),
    model: &Predictor,
    place: (&Active, usize),
    asked: &PredictArgs,
    found: &PredictAnswer,
) {
    if let Some(why) = &found.why {
        client.show_message(MessageType::INFO, essence(why)).await;
        return;
    }
    if found.next.is_empty() {
        let nothing = "Fovea: there is no text before this place";
        client.show_message(MessageType::INFO, nothing).await;
        return;
    }
    let title = |next: &NextToken| format!("{:.1} % {:?}", 100.0 * next.probability, next.token);
    let titles: Vec<String> = found.next.iter().map(title).collect();
    if !request.client.message_request {
        let list = format!("Fovea: {}", titles.join(" · "));
        client.show_message(MessageType::INFO, list).await;
        return;
    }
    let explained = async |why: &NextToken, rather_than: Option<&NextToken>| {
        let asked = PredictArgs {
            why: Some(NamedToken::Id(why.id)),
            rather_than: rather_than.map(|other| NamedToken::Id(other.id)),
            ..asked.clone()
        };
        match answer(session, request, place, model, &asked).await {
            Ok(PredictAnswer { why: Some(why), .. }) => essence(&why),
            Ok(_) => "Fovea: there is nothing to explain".to_owned(),
            Err(error) => format!("Fovea: {}", error.message),
        }
    };
    let question = "What comes next; choose one to see why";
    let Some(Some(chosen)) = show::ask_which(client, question, &titles).await else {
        return;
    };
    let chosen = &found.next[chosen];
    let others: Vec<&NextToken> = found.next.iter().filter(|next| next.id != chosen.id).collect();
    let titles: Vec<String> = others
        .iter()
        .map(|next| format!("rather than {:?}", next.token))
        .collect();
    let why = explained(chosen, None).await;
    if let Some(Some(other)) = show::ask_which(client, &why, &titles).await {
        let message = explained(chosen, Some(others[other])).await;
        client.show_message(MessageType::INFO, message).await;
    }
}

/// The strongest words in one line: `" return": def +1.20 · total +0.81`.
fn essence(why: &WhyToken) -> String {
    let mut words: Vec<&AnswerWord> = why.explained.words.iter().collect();
    words.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
    let strongest = words.iter().take(NAMED);
    let words: Vec<String> = strongest
        .map(|word| format!("{} {:+.2}", word.text, word.score))
        .collect();
    let rather = why.rather_than.as_ref().map(|other| format!(" rather than {other:?}"));
    let line = format!(
        "Fovea: {:?}{}: {}",
        why.token,
        rather.unwrap_or_default(),
        words.join(" · ")
    );
    line.replace(char::is_control, " ")
}
