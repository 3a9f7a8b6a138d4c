//! `textDocument/codeAction`: similar items and explanations for editors without lenses.
//!
//! Actions contain their command from the start, since it costs nothing to create. Helix 25.01 resolves actions, but does not run a command
//! that arrives with the resolved action.

use serde_json::json;
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, Command, Uri,
};

use super::lens::arguments;
use super::similar::{self, one_line};
use super::{classify, predict};
use crate::server::protocol::{
    ACTION_KIND, CLASSIFY, COMPARE_PASSAGES, ClassifyArgs, EXPLAIN_SELECTION, ExplainSelectionArgs, OPEN_VIEW,
    OpenViewArgs, PREDICT, Passage, RELABEL, SHOW_SIMILAR, SimilarItem, TOGGLE_ATTENTION, TRUST,
};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;

/// Maximum number of similar items with their own action.
const MOST: usize = 3;

/// The actions at a position; none if the client asks only for other kinds.
pub fn actions(session: &Session, request: &RequestSnapshot, params: &CodeActionParams) -> CodeActionResponse {
    let wanted = params
        .context
        .only
        .as_ref()
        .is_none_or(|only| only.iter().any(|kind| ours(kind.as_str())));
    let uri = &params.text_document.uri;
    let Some(active) = request.active(uri).filter(|_| wanted) else {
        return Vec::new();
    };
    let bytes = request.bytes(&active.snapshot, params.range);
    session.pages.point(&active.id, bytes.start);
    let mut commands = Vec::new();
    if let Some((item, similar)) = similar::around(session, request, &active, bytes.start) {
        for one in similar.iter().take(MOST) {
            let title = format!("Go to similar: {} ({:.2})", quoted(&one.name), one.score);
            let argument = arguments(request, &active, uri, &item, vec![one.clone()]);
            commands.push((title, SHOW_SIMILAR, vec![json!(argument)]));
        }
        // A comparison needs the text, and the text of an item in a store is not on this machine.
        if let Some(with) = similar.iter().find(|item| item.store.is_none()) {
            commands.push(comparison(request, &active, uri, &item, with));
        }
    }
    if let Some(title) = classify::class_at(session, request, &active, bytes.start) {
        let position = to_proto::range(&active.snapshot, &bytes, request.client.encoding).start;
        let argument = ClassifyArgs {
            uri: uri.clone(),
            position,
            label: None,
        };
        commands.push((format!("Why {}?", quoted(&title)), CLASSIFY, vec![json!(argument)]));
        if request.client.selects_highlights {
            let title = format!("Not {}? Choose the right label", quoted(&title));
            commands.push((title, RELABEL, vec![json!(argument)]));
        }
    }
    if !bytes.is_empty() {
        let range = to_proto::range(&active.snapshot, &bytes, request.client.encoding);
        let argument = ExplainSelectionArgs {
            uri: uri.clone(),
            range,
        };
        commands.push(("Explain selection".to_owned(), EXPLAIN_SELECTION, vec![json!(argument)]));
    }
    // If a command of the editor selects the highlights, attention words appear only on request.
    if request.client.selects_highlights {
        let shown = request.client.highlights_attention(request.settings.attention);
        let title = match shown {
            true => "Highlight occurrences only",
            false => "Highlight what a word draws on, too",
        };
        commands.push((title.to_owned(), TOGGLE_ATTENTION, vec![json!(!shown)]));
    }
    // An editor that selects highlights has no interface of Fovea's to ask or to open the page with.
    if request.client.selects_highlights {
        let position = to_proto::range(&active.snapshot, &bytes, request.client.encoding).start;
        let here = vec![json!({"uri": uri, "position": position})];
        if predict::is_able(session, request) {
            commands.push(("Predict what comes next here".to_owned(), PREDICT, here.clone()));
        }
        let (title, judged) = match session.last_told.at(uri, position) {
            Some((kind, told)) => (format!("Can I trust the last {kind}?"), vec![json!(told)]),
            None => ("Can I trust the explanation here?".to_owned(), here),
        };
        commands.push((title, TRUST, judged));
        let argument = OpenViewArgs {
            uri: uri.clone(),
            position: Some(position),
            show: true,
        };
        let title = "See what the model does (in a browser)";
        commands.push((title.to_owned(), OPEN_VIEW, vec![json!(argument)]));
    }
    commands
        .into_iter()
        .map(|(title, command, arguments)| action(request, title, command, arguments))
        .collect()
}

type Step = (String, &'static str, Vec<serde_json::Value>);

fn comparison(
    request: &RequestSnapshot,
    active: &Active,
    uri: &Uri,
    item: &crate::segment::Item,
    with: &SimilarItem,
) -> Step {
    let title = format!("Explain similarity with {}", quoted(&with.name));
    let here = Passage::Range {
        uri: uri.clone(),
        range: request.range(&active.snapshot, &item.range),
    };
    let there = Passage::Range {
        uri: with.uri.clone(),
        range: with.range,
    };
    // A message or a view shows only the totals; the matrix is a separate request.
    (
        title,
        COMPARE_PASSAGES,
        vec![json!(here), json!(there), json!({"pairs": false})],
    )
}

fn quoted(name: &str) -> String {
    format!("`{}`", one_line(name).replace('`', "'"))
}

/// Whether a requested kind covers Fovea's kind.
///
/// It does if it is empty, Fovea's kind, or a part of Fovea's kind.
fn ours(kind: &str) -> bool {
    kind.is_empty() || kind == ACTION_KIND || kind.strip_prefix(ACTION_KIND).is_some_and(|rest| rest.starts_with('.'))
}

fn action(
    request: &RequestSnapshot,
    title: String,
    command: &str,
    arguments: Vec<serde_json::Value>,
) -> CodeActionOrCommand {
    let command = Command {
        title: title.clone(),
        command: command.to_owned(),
        arguments: Some(arguments),
    };
    if !request.client.action_literals {
        return CodeActionOrCommand::Command(command);
    }
    CodeActionOrCommand::CodeAction(CodeAction {
        title,
        kind: Some(CodeActionKind::new(ACTION_KIND)),
        command: Some(command),
        ..CodeAction::default()
    })
}
