//! The state of the server, for `fovea/status`.

use super::protocol::{
    AttentionMaps, AttentionShape, Health, InactiveDocument, IndexParams, IndexState, State, StatusParams, StoreParams,
    StoreState,
};
use super::request_snapshot::RequestSnapshot;
use super::requests::{classify, generator};
use super::session::Session;
use super::settings::HeatPreset;
use super::uris;
use crate::analysis::{CancellationToken, IndexStage, IndexStatus, ModelStatus, Status, StoreStage};
use crate::explain::{Heads, Method, surprisal};
use crate::model::ModelInfo;

/// The current state.
pub fn status(session: &Session) -> StatusParams {
    let request = session.snapshot(CancellationToken::new());
    let inactive = inactive(&request);
    let base = StatusParams {
        health: Health::Ok,
        state: State::Loading,
        model: None,
        method: request.settings.method.name().to_owned(),
        maps: maps(request.settings.heads),
        attention: None,
        heat: request.settings.heat() != HeatPreset::Off,
        preset: request.settings.heat().name().to_owned(),
        highlight: request.settings.highlight,
        writes: None,
        message: None,
        inactive,
        unparsed: session
            .analysis()
            .map(|analysis| unparsed(analysis.status()))
            .unwrap_or_default(),
        index: session.analysis().and_then(|analysis| index(analysis.status().index)),
        store: session
            .analysis()
            .and_then(|analysis| analysis.status().store)
            .map(store),
    };
    let Some(analysis) = session.analysis() else {
        return base;
    };
    let now = analysis.status();
    let base = match now.model {
        ModelStatus::Loading => base,
        ModelStatus::Ready(info) => {
            let state = if now.busy { State::Busy } else { State::Ready };
            let lack = lack_of(&info, request.settings.method);
            let lack = lack.map(|lack| format!("{lack}. Until then the method is {}.", Method::default().name()));
            let problem = lack.or_else(|| classify::problem(session, &request));
            StatusParams {
                state,
                health: if problem.is_some() {
                    Health::Warning
                } else {
                    base.health
                },
                message: problem,
                writes: Some(generator::writes(&request.settings, &info)),
                attention: Some(AttentionShape {
                    layers: info.layers,
                    heads: info.heads,
                }),
                model: Some(info.name),
                ..base
            }
        }
        ModelStatus::Failed(message) => {
            return StatusParams {
                state: State::Failed,
                health: Health::Error,
                message: Some(message),
                ..base
            };
        }
    };
    if now.paused {
        let message = Some("Fovea is paused; run its command Resume to continue.".to_owned());
        return StatusParams {
            state: State::Paused,
            health: Health::Warning,
            message,
            ..base
        };
    }
    base
}

/// Why the model cannot use a method, and what to do; `None` while it loads.
pub fn lack(session: &Session, method: Method) -> Option<String> {
    match session.analysis()?.status().model {
        ModelStatus::Ready(info) => lack_of(&info, method),
        _ => None,
    }
}

fn lack_of(info: &ModelInfo, method: Method) -> Option<String> {
    let asked = method == Method::Surprisal;
    asked.then(|| surprisal::lack(info)).flatten()
}

fn maps(Heads { layer, head }: Heads) -> Option<AttentionMaps> {
    (layer.is_some() || head.is_some()).then_some(AttentionMaps { layer, head })
}

/// The state of the index; `None` if there is no folder to index.
fn index(status: IndexStatus) -> Option<IndexParams> {
    let (state, progress) = match status.stage {
        IndexStage::Off => return None,
        IndexStage::Waiting => (IndexState::Waiting, None),
        IndexStage::OnBattery => (IndexState::Battery, None),
        IndexStage::Indexing(progress) => (IndexState::Indexing, Some(progress)),
        IndexStage::Cancelled => (IndexState::Cancelled, None),
        IndexStage::Ready => (IndexState::Ready, None),
    };
    Some(IndexParams {
        state,
        items: status.items,
        done: progress.map(|progress| progress.done),
        total: progress.map(|progress| progress.total),
        refused: status.refused,
    })
}

fn store((place, stage): (String, StoreStage)) -> StoreParams {
    let (state, why) = match stage {
        StoreStage::Unasked => (StoreState::Unasked, None),
        StoreStage::Ready => (StoreState::Ready, None),
        StoreStage::Away(why) => (StoreState::Away, Some(why)),
    };
    StoreParams { place, state, why }
}

/// The open documents whose grammar failed, sorted by URI.
fn unparsed(status: Status) -> Vec<InactiveDocument> {
    let documents = status.unparsed.into_iter().filter_map(|(id, reason)| {
        Some(InactiveDocument {
            uri: uris::parse(&id)?,
            reason: format!("{reason}; Fovea splits it by its lines"),
        })
    });
    let mut documents: Vec<InactiveDocument> = documents.collect();
    documents.sort_by(|a, b| a.uri.cmp(&b.uri));
    documents
}

/// The open documents that Fovea does not analyze, sorted by URI.
fn inactive(request: &RequestSnapshot) -> Vec<InactiveDocument> {
    let mut inactive: Vec<InactiveDocument> = request
        .documents
        .iter()
        .filter_map(|(id, open)| {
            Some(InactiveDocument {
                uri: uris::parse(id)?,
                reason: open.inactive.clone()?,
            })
        })
        .collect();
    inactive.sort_by(|a, b| a.uri.cmp(&b.uri));
    inactive
}
