//! `workspace/executeCommand`: selects a command and checks its arguments.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{ExecuteCommandParams, MessageType};

use super::{ask, classify, compare, explain, predict, relabel, search, show, trust, view};
use crate::analysis::ModelStatus;
use crate::explain::{Heads, Method};
use crate::server::protocol::{
    ASK, AskArgs, AttentionMaps, CLASSIFY, COMMANDS, COMPARE_PASSAGES, ClassifyArgs, CompareOptions, EXPLAIN_SELECTION,
    ExplainSelectionArgs, HeatAnswer, MethodAnswer, OPEN_VIEW, OpenViewArgs, PAUSE, PREDICT, Passage, PredictArgs,
    RELABEL, RESUME, RelabelArgs, SEARCH, SET_HEAT, SET_METHOD, SHOW_SIMILAR, SearchArgs, ShowSimilarArgs,
    TOGGLE_ATTENTION, TOGGLE_HEAT, TOGGLE_HIGHLIGHT, TRUST, Toggled, TrustArgs, UPDATE_INDEX,
};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::settings::HeatPreset;
use crate::server::status;

/// Executes a command.
///
/// # Errors
/// Invalid parameters with a message that names the unknown command, or the argument and its expected form.
pub async fn execute(
    session: &Arc<Session>,
    client: Option<&Client>,
    request: &RequestSnapshot,
    params: ExecuteCommandParams,
) -> Result<Option<Value>> {
    let done = executed(session, client, request, params).await;
    // Helix shows the error of a command nowhere.
    if let (Err(error), Some(client)) = (&done, client.filter(|_| !request.client.fovea))
        && !request.cancel.is_cancelled()
    {
        let said = format!("Fovea: {}", error.message);
        client.show_message(MessageType::ERROR, said).await;
    }
    done
}

async fn executed(
    session: &Arc<Session>,
    client: Option<&Client>,
    request: &RequestSnapshot,
    params: ExecuteCommandParams,
) -> Result<Option<Value>> {
    let arguments = Arguments {
        command: &params.command,
        values: params.arguments,
    };
    let client = client.ok_or_else(Error::internal_error)?;
    match params.command.as_str() {
        SHOW_SIMILAR => {
            let asked: ShowSimilarArgs = arguments.get(0, "an object with uri and range")?;
            show::similar(session, client, request, asked)
                .await
                .map(|answer| Some(json!(answer)))
        }
        COMPARE_PASSAGES => {
            let shape = "an object with uri and range, or with text";
            let (a, b): (Passage, Passage) = (arguments.get(0, shape)?, arguments.get(1, shape)?);
            let options: Option<CompareOptions> = arguments.optional(2, "an object with pairs or row")?;
            compare::passages(session, client, request, (a, b), options.unwrap_or_default())
                .await
                .map(Some)
        }
        EXPLAIN_SELECTION => {
            let asked: ExplainSelectionArgs = arguments.get(0, "an object with uri and range")?;
            explain::selection(session, client, request, asked).await.map(Some)
        }
        TRUST => {
            let asked: TrustArgs = arguments.get(0, trust::EXPECTED)?;
            trust::trust(session, client, request, asked)
                .await
                .map(|answer| answer.map(|answer| json!(answer)))
        }
        TOGGLE_HEAT => {
            let enabled = session.toggle_heat(arguments.optional(0, "true or false")?);
            say_toggled(client, request, "Heat", enabled).await;
            Ok(Some(json!(Toggled { enabled })))
        }
        SET_HEAT => {
            let shape = "\"quiet\", \"full\" or \"off\"";
            let name: String = arguments.get(0, shape)?;
            let preset = HeatPreset::from_name(&name).ok_or_else(|| arguments.wrong(0, shape))?;
            session.set_heat(preset);
            Ok(Some(json!(HeatAnswer { preset: name })))
        }
        TOGGLE_ATTENTION => {
            let enabled = session.toggle_attention(arguments.optional(0, "true or false")?);
            say_toggled(client, request, "Attention in highlights", enabled).await;
            Ok(Some(json!(Toggled { enabled })))
        }
        TOGGLE_HIGHLIGHT => {
            let enabled = session.toggle_highlight(arguments.optional(0, "true or false")?);
            say_toggled(client, request, "Highlights", enabled).await;
            Ok(Some(json!(Toggled { enabled })))
        }
        SET_METHOD => {
            let names = Method::OFFERED.map(Method::name).join(", ");
            let name: String = arguments.get(0, &format!("one of {names}"))?;
            let method = Method::from_name(&name).filter(|method| Method::OFFERED.contains(method));
            let method = method.ok_or_else(|| arguments.wrong(0, &format!("one of {names}")))?;
            if let Some(lack) = status::lack(session, method) {
                return Err(Error::invalid_params(lack));
            }
            let maps: Option<AttentionMaps> = arguments.optional(1, "an object with layer, head or both")?;
            let heads = heads(session, &arguments, method, maps.unwrap_or_default())?;
            session.set_method(method, heads);
            Ok(Some(json!(MethodAnswer {
                method: method.name().to_owned(),
                layer: heads.layer,
                head: heads.head,
            })))
        }
        SEARCH => {
            let asked: SearchArgs = arguments.get(0, "a text, or an object with query")?;
            search::command(session, client, request, asked).await.map(Some)
        }
        OPEN_VIEW => {
            let asked: OpenViewArgs = arguments.get(0, "an object with uri")?;
            view::open(session, client, request, asked)
                .await
                .map(|answer| Some(json!(answer)))
        }
        ASK => {
            let asked: AskArgs = arguments.get(0, "a text, or an object with question")?;
            let token = params.work_done_progress_params.work_done_token;
            ask::ask(session, client, request, asked, token)
                .await
                .map(|answer| Some(json!(answer)))
        }
        CLASSIFY => {
            let asked: ClassifyArgs = arguments.get(0, "an object with uri and position")?;
            classify::classify(session, client, request, asked)
                .await
                .map(|answer| Some(json!(answer)))
        }
        RELABEL => {
            let asked: RelabelArgs = arguments.get(0, "an object with uri, position and label")?;
            let token = params.work_done_progress_params.work_done_token;
            relabel::relabel(session, client, request, asked, token)
                .await
                .map(|answer| answer.map(|answer| json!(answer)))
        }
        PREDICT => {
            let asked: PredictArgs = arguments.get(0, "an object with uri and position")?;
            let token = params.work_done_progress_params.work_done_token;
            predict::predict(session, client, request, asked, token)
                .await
                .map(|answer| Some(json!(answer)))
        }
        UPDATE_INDEX => {
            session.index(true);
            Ok(None)
        }
        PAUSE | RESUME => {
            session.pause(params.command == PAUSE);
            Ok(None)
        }
        unknown => {
            let name: String = unknown.chars().take(60).collect();
            Err(Error::invalid_params(format!(
                "command: {name:?} is unknown; known are {}",
                COMMANDS.join(", ")
            )))
        }
    }
}

/// The chosen attention maps.
fn heads(
    session: &Session,
    arguments: &Arguments,
    method: Method,
    AttentionMaps { layer, head }: AttentionMaps,
) -> Result<Heads> {
    if layer.is_none() && head.is_none() {
        return Ok(Heads::default());
    }
    if method != Method::Attention {
        return Err(arguments.wrong(1, "left out: layer and head go with attention"));
    }
    let Some(ModelStatus::Ready(model)) = session.analysis().map(|analysis| analysis.status().model) else {
        return Err(Error::invalid_params(
            "the model is not loaded yet, so its layers and heads are not known",
        ));
    };
    if layer.is_some_and(|layer| layer >= model.layers) || head.is_some_and(|head| head >= model.heads) {
        let (layers, heads) = (model.layers.saturating_sub(1), model.heads.saturating_sub(1));
        return Err(arguments.wrong(1, &format!("of layers 0 to {layers} and heads 0 to {heads}")));
    }
    Ok(Heads { layer, head })
}

/// Confirms a toggle in a client without an interface for Fovea.
///
/// Such a client may not show the effect.
async fn say_toggled(client: &Client, request: &RequestSnapshot, what: &str, enabled: bool) {
    if !request.client.fovea {
        let state = if enabled { "on" } else { "off" };
        client
            .show_message(MessageType::INFO, format!("Fovea: {what} {state}"))
            .await;
    }
}

/// The arguments of a command.
struct Arguments<'a> {
    command: &'a str,
    values: Vec<Value>,
}

impl Arguments<'_> {
    fn get<T: DeserializeOwned>(&self, index: usize, shape: &str) -> Result<T> {
        let value = self.values.get(index).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(|_| self.wrong(index, shape))
    }

    fn optional<T: DeserializeOwned>(&self, index: usize, shape: &str) -> Result<Option<T>> {
        match self.values.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.get(index, shape).map(Some),
        }
    }

    fn wrong(&self, index: usize, shape: &str) -> Error {
        let missing = if self.values.get(index).is_none_or(Value::is_null) {
            "is missing; it "
        } else {
            ""
        };
        Error::invalid_params(format!(
            "{}: argument {} {missing}should be {shape}",
            self.command,
            index + 1
        ))
    }
}
