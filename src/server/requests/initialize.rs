//! `initialize`: the server's capabilities. The model loads in the background; this answer does not wait for it.

use serde_json::json;
use tower_lsp::ls_types::{
    CodeActionKind, CodeActionOptions, CodeLensOptions, ColorProviderCapability, ExecuteCommandOptions,
    FileOperationFilter, FileOperationPattern, FileOperationRegistrationOptions, InitializeResult, OneOf, SaveOptions,
    ServerCapabilities, ServerInfo, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, WorkDoneProgressOptions, WorkspaceFileOperationsServerCapabilities,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};

use crate::server::protocol::{ACTION_KIND, COMMANDS, LEVELS, PROTOCOL};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::to_proto;

/// The answer of `initialize`.
///
/// It announces everything statically, since some editors accept no registrations and others use features that they do not declare. Only
/// highlights are registered later where possible, so that the language's own server has precedence.
pub fn answer(request: &RequestSnapshot) -> InitializeResult {
    let (client, settings) = (&request.client, &request.settings);
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        will_save: None,
        will_save_wait_until: None,
        save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions {
            include_text: Some(false),
        })),
    };
    let actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::new(ACTION_KIND)]),
        work_done_progress_options: WorkDoneProgressOptions::default(),
        resolve_provider: None,
    };
    let commands = ExecuteCommandOptions {
        commands: COMMANDS.map(str::to_owned).to_vec(),
        work_done_progress_options: WorkDoneProgressOptions::default(),
    };
    InitializeResult {
        capabilities: ServerCapabilities {
            position_encoding: Some(to_proto::encoding_kind(client.encoding)),
            text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
            hover_provider: Some(true.into()),
            // Providers that are off by default are announced only if they are on: an editor may ask only the first server that has one.
            inlay_hint_provider: (settings.inlay_hint && !client.inlay_registration).then_some(OneOf::Left(true)),
            color_provider: (settings.document_color && !client.color_registration)
                .then_some(ColorProviderCapability::Simple(true)),
            document_highlight_provider: (!client.highlight_registration).then_some(OneOf::Left(true)),
            code_lens_provider: Some(CodeLensOptions {
                resolve_provider: Some(true),
            }),
            code_action_provider: Some(actions.into()),
            execute_command_provider: Some(commands),
            workspace_symbol_provider: Some(OneOf::Left(true)),
            workspace: Some(WorkspaceServerCapabilities {
                workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                    supported: Some(true),
                    change_notifications: Some(OneOf::Left(true)),
                }),
                file_operations: Some(file_operations()),
            }),
            experimental: Some(json!({"fovea": {"protocol": PROTOCOL, "levels": LEVELS}})),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo {
            name: "fovea".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
        offset_encoding: None,
    }
}

/// The operations on files and folders that the client must report.
///
/// Any file may be in the index.
fn file_operations() -> WorkspaceFileOperationsServerCapabilities {
    let any = FileOperationRegistrationOptions {
        filters: vec![FileOperationFilter {
            scheme: Some("file".to_owned()),
            pattern: FileOperationPattern {
                glob: "**/*".to_owned(),
                // Files and folders.
                matches: None,
                options: None,
            },
        }],
    };
    WorkspaceFileOperationsServerCapabilities {
        did_create: Some(any.clone()),
        will_create: None,
        did_rename: Some(any.clone()),
        will_rename: Some(any.clone()),
        did_delete: Some(any),
        will_delete: None,
    }
}
