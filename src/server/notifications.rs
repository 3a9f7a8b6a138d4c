//! Applies the client's notifications as they arrive.
//!
//! This module parses them with its own types. An edit whose position exceeds LSP's `uinteger` must not be lost: every later answer would
//! refer to a different text.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::session::Session;
use super::{settings, uris};
use crate::similar::index::concerns;
use crate::text::{Change, Position};

/// Applies a notification. An unreadable notification changes nothing, with one exception: the server stops analyzing a document whose edit
/// is unreadable.
pub fn apply(session: &Session, method: &str, params: Value) {
    if !session.initialized() {
        return;
    }
    match method {
        "textDocument/didOpen" => {
            if let Some(DidOpen { text_document: open }) = read(method, params) {
                session.open(&open.uri, open.language_id, open.version, &open.text);
                // The user may have checked out another branch in an editor that watches no files.
                session.files_changed();
            }
        }
        "textDocument/didChange" => change(session, params),
        "textDocument/didClose" => {
            if let Some(DidClose { text_document }) = read(method, params) {
                session.close(&text_document.uri);
            }
        }
        "textDocument/didSave" => session.files_changed(),
        "workspace/didChangeWatchedFiles" => {
            let changed: Option<Watched> = read(method, params);
            let paths = changed.into_iter().flat_map(|changed| changed.changes);
            if paths.filter_map(|file| path_of(&file.uri)).any(|path| concerns(&path)) {
                session.files_changed();
            }
        }
        "workspace/didCreateFiles" | "workspace/didRenameFiles" | "workspace/didDeleteFiles" => session.files_moved(),
        "workspace/didChangeWorkspaceFolders" => {
            if let Some(Folders { event }) = read(method, params) {
                let paths = |folders: Vec<Versioned>| folders.iter().filter_map(|f| path_of(&f.uri)).collect();
                let removed: Vec<PathBuf> = paths(event.removed);
                session.change_folders(paths(event.added), &removed);
            }
        }
        "workspace/didChangeConfiguration" => configuration(session, &params),
        "window/workDoneProgress/cancel" => match params.get("token").and_then(super::progress::of_token) {
            Some(super::progress::Work::Model) => session.pause(true),
            Some(super::progress::Work::Index) => session.index(false),
            None => {}
        },
        "initialized" => session.outbox.client_is_ready(),
        "fovea/visible" => {
            if let Some(Visible { text_document, range }) = read(method, params) {
                session.visible(&text_document.uri, |open, client| {
                    let snapshot = open.snapshot();
                    let at = |place: WirePosition| snapshot.offset(place.into(), client.encoding);
                    let (a, b) = (at(range.start), at(range.end));
                    a.min(b)..a.max(b)
                });
            }
        }
        _ => tracing::trace!(method, "ignored a notification"),
    }
}

fn change(session: &Session, params: Value) {
    let uri = params
        .pointer("/textDocument/uri")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let read: Option<DidChange> = read("textDocument/didChange", params);
    match (read, uri) {
        (
            Some(DidChange {
                text_document,
                content_changes,
            }),
            _,
        ) => {
            let changes: Vec<Change> = content_changes
                .into_iter()
                .map(|edit| Change {
                    range: edit.range.map(|r| (r.start.into(), r.end.into())),
                    text: edit.text,
                })
                .collect();
            session.change(&text_document.uri, text_document.version, Some(&changes));
        }
        (None, Some(uri)) => session.change(&uri, None, None),
        (None, None) => {}
    }
}

/// Reads the settings of a notification. If it contains none, the server asks for them.
fn configuration(session: &Session, params: &Value) {
    let sent = params.get("settings").unwrap_or(&Value::Null);
    let ours = sent.get("fovea").unwrap_or(sent);
    if settings::section(ours).is_none_or(serde_json::Map::is_empty) {
        session.outbox.add(|outgoing| outgoing.pull = true);
        return;
    }
    // The object contains only settings of other servers.
    if sent.get("fovea").is_none() && !settings::concerns_us(sent) {
        return;
    }
    session.configure(ours);
}

fn read<T: for<'de> Deserialize<'de>>(method: &str, params: Value) -> Option<T> {
    match serde_json::from_value(params) {
        Ok(read) => Some(read),
        Err(_) => {
            // serde's message may quote the document.
            tracing::warn!(method, "ignored an unreadable notification");
            None
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DidOpen {
    text_document: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    uri: String,
    #[serde(default)]
    language_id: String,
    #[serde(default)]
    version: i32,
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DidChange {
    text_document: Versioned,
    content_changes: Vec<Edit>,
}

#[derive(Deserialize)]
struct Versioned {
    uri: String,
    version: Option<i32>,
}

#[derive(Deserialize)]
struct Edit {
    range: Option<Span>,
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DidClose {
    text_document: Versioned,
}

#[derive(Deserialize)]
struct Watched {
    changes: Vec<Versioned>,
}

#[derive(Deserialize)]
struct Folders {
    event: FolderChange,
}

#[derive(Deserialize)]
struct FolderChange {
    added: Vec<Versioned>,
    removed: Vec<Versioned>,
}

fn path_of(uri: &str) -> Option<PathBuf> {
    uris::parse(uri).as_ref().and_then(uris::file_path)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Visible {
    text_document: Versioned,
    range: Span,
}

#[derive(Deserialize, Clone, Copy)]
struct Span {
    start: WirePosition,
    end: WirePosition,
}

#[derive(Deserialize, Clone, Copy)]
struct WirePosition {
    #[serde(deserialize_with = "clamped")]
    line: u32,
    #[serde(deserialize_with = "clamped")]
    character: u32,
}

impl From<WirePosition> for Position {
    fn from(place: WirePosition) -> Position {
        Position {
            line: place.line,
            column: place.character,
        }
    }
}

/// Reads a number that may be negative, fractional or larger than 32 bits.
fn clamped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    // `as` saturates: it converts a float to the nearest value of the type.
    Ok(number.as_f64().unwrap_or(0.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_any_size_are_clamped() {
        for (number, line) in [
            ("3", 3),
            ("-1", 0),
            ("1e30", u32::MAX),
            ("4294967296", u32::MAX),
            ("2.0", 2),
        ] {
            let place: WirePosition =
                serde_json::from_str(&format!("{{\"line\": {number}, \"character\": 0}}")).unwrap();
            assert_eq!(place.line, line, "{number}");
        }
    }
}
