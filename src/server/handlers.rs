//! Implements the framework's interface: one method per request, each in a file under [`requests`](super::requests).
//!
//! [`ingress`](super::ingress) applies notifications, so none arrive here.

use std::sync::Arc;

use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::{
    CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams, ColorInformation, ColorPresentation,
    ColorPresentationParams, DocumentColorParams, DocumentHighlight, DocumentHighlightParams, ExecuteCommandParams,
    Hover, HoverParams, InitializeParams, InitializeResult, InlayHint, InlayHintParams, RenameFilesParams,
    TextDocumentPositionParams, WorkspaceEdit, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};
use tower_lsp::{Client, LanguageServer};

use super::protocol::{DrawsOnAnswer, ExplainParams, ViewAnswer, ViewParams};
use super::request_snapshot::request;
use super::requests;
use super::session::Session;

/// Answers requests.
#[derive(Debug)]
pub struct Handlers {
    session: Arc<Session>,
    client: Option<Client>,
}

impl Handlers {
    /// Creates handlers that answer from `session`; commands send requests to `client`.
    pub fn new(session: Arc<Session>, client: Option<Client>) -> Handlers {
        Handlers { session, client }
    }

    /// `fovea/explain`
    pub async fn explain(&self, params: ExplainParams) -> Result<Value> {
        requests::explain::explain(&self.session, &request()?, params).await
    }

    /// `fovea/drawsOn`
    pub async fn draws_on(&self, params: TextDocumentPositionParams) -> Result<Option<DrawsOnAnswer>> {
        requests::draws_on::draws_on(&self.session, &request()?, params).await
    }

    /// `fovea/view`
    pub async fn view(&self, params: ViewParams) -> Result<ViewAnswer> {
        requests::view::question(&self.session, &request()?, params).await
    }
}

impl LanguageServer for Handlers {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        Ok(requests::initialize::answer(&request()?))
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        requests::hover::hover(&self.session, &request()?, params).await
    }

    async fn document_highlight(&self, params: DocumentHighlightParams) -> Result<Option<Vec<DocumentHighlight>>> {
        requests::highlight::highlights(&self.session, &request()?, params).await
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        Ok(Some(requests::lens::lenses(&self.session, &request()?, &params)))
    }

    async fn code_lens_resolve(&self, params: CodeLens) -> Result<CodeLens> {
        requests::lens::resolve(&self.session, &request()?, params)
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        Ok(requests::inlay::hints(&self.session, &request()?, &params).await)
    }

    async fn document_color(&self, params: DocumentColorParams) -> Result<Vec<ColorInformation>> {
        requests::color::colors(&self.session, &request()?, params).await
    }

    async fn color_presentation(&self, _: ColorPresentationParams) -> Result<Vec<ColorPresentation>> {
        // The colors stand for scores, so users cannot choose other ones.
        Ok(Vec::new())
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        Ok(Some(requests::action::actions(&self.session, &request()?, &params)))
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<WorkspaceSymbolResponse>> {
        requests::search::symbols(&self.session, &request()?, params).await
    }

    async fn will_rename_files(&self, _: RenameFilesParams) -> Result<Option<WorkspaceEdit>> {
        // Fovea edits no other files; the index follows after the files have moved.
        Ok(None)
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        requests::command::execute(&self.session, self.client.as_ref(), &request()?, params).await
    }
}
