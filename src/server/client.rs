//! Client capabilities, read from `initialize`.

use std::path::PathBuf;

use serde_json::Value;
use tower_lsp::ls_types::{InitializeParams, PositionEncodingKind};

use super::settings::{Attention, Settings, encoding};
use super::uris::file_path;
use crate::text::PositionEncoding;

/// Client capabilities. A field is false if the client says nothing.
#[derive(Debug, Clone, Default)]
pub struct ClientCapabilities {
    /// How the client counts columns, as negotiated.
    pub encoding: PositionEncoding,
    /// It answers `workspace/configuration`.
    pub configuration: bool,
    /// It accepts `workspace/codeLens/refresh`.
    pub lens_refresh: bool,
    /// It accepts `workspace/inlayHint/refresh`.
    pub inlay_refresh: bool,
    /// It accepts registrations for document highlights.
    pub highlight_registration: bool,
    /// It accepts registrations for inlay hints.
    pub inlay_registration: bool,
    /// It accepts registrations for document colors.
    pub color_registration: bool,
    /// It shows the related information of a diagnostic.
    pub related_information: bool,
    /// It accepts registrations for changes of the configuration.
    pub configuration_registration: bool,
    /// It accepts `window/workDoneProgress/create` and `$/progress`.
    pub progress: bool,
    /// Whether the server sends `window/showDocument`.
    ///
    /// True if the client declares it, or if an editor without an interface for Fovea does not mention it: Helix 25.01 supports it
    /// silently.
    pub show_document: bool,
    /// It accepts `window/showMessageRequest`.
    pub message_request: bool,
    /// It understands code actions that are not plain commands.
    pub action_literals: bool,
    /// It renders Markdown in hovers.
    pub markdown_hover: bool,
    /// It handles `fovea/heat`.
    pub heat: bool,
    /// It accepts a `fovea/heat` that contains only changes.
    pub heat_changes: bool,
    /// It asks `fovea/drawsOn` and draws the words that a word draws on.
    pub draws_on: bool,
    /// It has the commands that the links of a hover run.
    pub command_links: bool,
    /// Its command for document highlights turns them into a selection, as in Helix.
    pub selects_highlights: bool,
    /// It handles `fovea/status`.
    pub status: bool,
    /// It has its own user interface for Fovea, so the server sends no plain messages.
    pub fovea: bool,
    /// It accepts registrations for changes of files.
    pub watch_registration: bool,
    /// The open folders.
    pub roots: Vec<PathBuf>,
    /// The folders that shown paths are relative to.
    ///
    /// They are the open folders, as the client names them and as canonical paths.
    pub shown_below: Vec<PathBuf>,
}

impl ClientCapabilities {
    /// Whether document highlights contain the words that a word draws on.
    pub fn highlights_attention(&self, setting: Attention) -> bool {
        match setting {
            Attention::Auto => !self.draws_on && !self.selects_highlights,
            Attention::Always => true,
            Attention::Never => false,
        }
    }

    /// Replaces the open folders.
    pub fn set_roots(&mut self, roots: Vec<PathBuf>) {
        self.shown_below = roots.clone();
        self.shown_below
            .extend(roots.iter().filter_map(|root| root.canonicalize().ok()));
        self.roots = roots;
    }
}

/// Reads the client capabilities; `settings` may force a position encoding.
pub fn capabilities(params: &InitializeParams, settings: &Settings) -> ClientCapabilities {
    let window = params.capabilities.window.as_ref();
    let workspace = params.capabilities.workspace.as_ref();
    let document = params.capabilities.text_document.as_ref();
    let action = document.and_then(|d| d.code_action.as_ref());
    let fovea = params.capabilities.experimental.as_ref().and_then(|e| e.get("fovea"));
    let encodings = params
        .capabilities
        .general
        .as_ref()
        .and_then(|g| g.position_encodings.as_deref());
    let hover_formats = document
        .and_then(|d| d.hover.as_ref())
        .and_then(|h| h.content_format.as_ref());
    let own_interface = fovea.is_some_and(|f| *f != Value::Bool(false) && !f.is_null());
    let mut abilities = ClientCapabilities {
        encoding: negotiate(encodings.unwrap_or_default(), settings.encoding),
        configuration: workspace.and_then(|w| w.configuration).unwrap_or(false),
        lens_refresh: workspace
            .and_then(|w| w.code_lens.as_ref())
            .and_then(|l| l.refresh_support)
            .unwrap_or(false),
        inlay_refresh: workspace
            .and_then(|w| w.inlay_hint.as_ref())
            .and_then(|h| h.refresh_support)
            .unwrap_or(false),
        inlay_registration: document
            .and_then(|d| d.inlay_hint.as_ref())
            .and_then(|h| h.dynamic_registration)
            .unwrap_or(false),
        color_registration: document
            .and_then(|d| d.color_provider.as_ref())
            .and_then(|c| c.dynamic_registration)
            .unwrap_or(false),
        related_information: document
            .and_then(|d| d.publish_diagnostics.as_ref())
            .and_then(|d| d.related_information)
            .unwrap_or(false),
        highlight_registration: document
            .and_then(|d| d.document_highlight.as_ref())
            .and_then(|h| h.dynamic_registration)
            .unwrap_or(false),
        configuration_registration: workspace
            .and_then(|w| w.did_change_configuration.as_ref())
            .and_then(|c| c.dynamic_registration)
            .unwrap_or(false),
        progress: window.and_then(|w| w.work_done_progress).unwrap_or(false),
        show_document: window
            .and_then(|w| w.show_document.as_ref())
            .map_or(!own_interface, |s| s.support),
        message_request: window.is_some_and(|w| w.show_message.is_some()),
        action_literals: action.is_some_and(|a| a.code_action_literal_support.is_some()),
        markdown_hover: hover_formats
            .is_none_or(|formats| formats.is_empty() || formats.contains(&tower_lsp::ls_types::MarkupKind::Markdown)),
        heat: handles(fovea, "heat"),
        // `true` does not declare features that are newer than the object form.
        heat_changes: fovea.is_some_and(Value::is_object) && handles(fovea, "heatChanges"),
        draws_on: fovea.is_some_and(Value::is_object) && handles(fovea, "drawsOn"),
        command_links: fovea.is_some_and(Value::is_object) && handles(fovea, "commandLinks"),
        selects_highlights: params
            .client_info
            .as_ref()
            .is_some_and(|info| info.name.eq_ignore_ascii_case("helix")),
        status: handles(fovea, "status"),
        fovea: own_interface,
        watch_registration: workspace
            .and_then(|w| w.did_change_watched_files.as_ref())
            .and_then(|w| w.dynamic_registration)
            .unwrap_or(false),
        roots: Vec::new(),
        shown_below: Vec::new(),
    };
    abilities.set_roots(roots(params));
    abilities
}

/// Whether the client declares `what`.
///
/// `true` declares everything; an object declares each name whose value is neither `false` nor null.
fn handles(fovea: Option<&Value>, what: &str) -> bool {
    match fovea {
        Some(Value::Bool(all)) => *all,
        Some(Value::Object(named)) => named
            .get(what)
            .is_some_and(|v| *v != Value::Bool(false) && !v.is_null()),
        _ => false,
    }
}

/// Chooses the position encoding.
///
/// A forced encoding wins even if the client does not offer it, since the user chose it. Otherwise: the client's first offer that the
/// server supports, or UTF-16.
fn negotiate(offered: &[PositionEncodingKind], forced: Option<PositionEncoding>) -> PositionEncoding {
    forced
        .or_else(|| offered.iter().find_map(|kind| encoding(kind.as_str())))
        .unwrap_or(PositionEncoding::Utf16)
}

#[expect(deprecated, reason = "editors still send rootUri alone")]
fn roots(params: &InitializeParams) -> Vec<PathBuf> {
    match params.workspace_folders.as_deref() {
        Some([]) | None => params.root_uri.iter().filter_map(file_path).collect(),
        Some(folders) => folders.iter().filter_map(|folder| file_path(&folder.uri)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_first_choice_is_used_unless_the_user_forces_another() {
        let kind = |name: &'static str| PositionEncodingKind::new(name);
        use PositionEncoding::{Utf8, Utf16, Utf32};
        assert_eq!(negotiate(&[], None), Utf16);
        assert_eq!(negotiate(&[kind("utf-32"), kind("utf-8")], None), Utf32);
        assert_eq!(negotiate(&[kind("utf-7"), kind("utf-8")], None), Utf8);
        assert_eq!(negotiate(&[kind("utf-7")], None), Utf16);
        assert_eq!(negotiate(&[kind("utf-8")], Some(Utf16)), Utf16);
    }

    #[test]
    fn a_client_declares_all_features_or_some() {
        let declared = |value: Value, what| handles(Some(&value), what);
        assert!(declared(true.into(), "heat"));
        assert!(!declared(false.into(), "heat"));
        assert!(declared(serde_json::json!({"heat": true}), "heat"));
        assert!(declared(serde_json::json!({"heat": {"max": 100}}), "heat"));
        assert!(!declared(serde_json::json!({"heat": true}), "status"));
        assert!(!handles(None, "heat"));
    }
}
