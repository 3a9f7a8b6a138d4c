//! Serves one connection from the first byte to the last.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncBufRead, AsyncWrite, BufReader};
use tower::Service;
use tower_lsp::jsonrpc::Request;
use tower_lsp::{Client, LspService};

use super::frames::{self, Frames, Incoming};
use super::handlers::Handlers;
use super::ingress::Ingress;
use super::output::{self, Output};
use super::pages::PageModels;
use super::session::{Loaders, Session};
use super::{logging, orphan, progress, publisher};
use crate::analysis::Loader;
use crate::similar::index::Elsewhere;

/// Time limit for the answers to running requests after the client leaves.
///
/// The same limit applies to the output of these answers.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Time limit for writing the last results to disk.
const LAST_RESULTS: Duration = Duration::from_millis(500);

/// Serves one client until it sends `exit` or is gone; returns the exit code.
///
/// A client is also gone when it closes its end of the connection. `loaders` creates the loader of the model in a folder (the setting
/// `fovea.model.dir`), or of the default model. `folder` is for results that outlive the process, if there are any; `pages` returns the
/// models of pages; `store` is a team's store that the server asks in addition to the workspace.
pub async fn serve<R, W>(
    input: R,
    output: W,
    loaders: impl Fn(Option<&Path>) -> Loader + Send + Sync + 'static,
    pages: PageModels,
    folder: Option<PathBuf>,
    store: Option<Elsewhere>,
) -> u8
where
    R: tokio::io::AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let loaders: Loaders = Box::new(loaders);
    let session = Arc::new(Session::new(loaders, pages, folder, store));
    let mut our_client: Option<Client> = None;
    let (service, socket) = LspService::build(|client| {
        our_client = Some(client);
        Handlers::new(session.clone(), our_client.clone())
    })
    .custom_method("fovea/explain", Handlers::explain)
    .custom_method("fovea/drawsOn", Handlers::draws_on)
    .custom_method("fovea/view", Handlers::view)
    .finish();
    let (out, drain) = output::output(output::MAX_UNREAD);
    let (mut requests, answers) = socket.split();
    let (outgoing, spelling) = (out.clone(), session.clone());
    let mut writing = tokio::spawn(drain.run(output));
    let mut tasks = vec![
        // Requests from the server to the client.
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                outgoing.send(&in_the_clients_words(request, &spelling));
            }
        }),
        tokio::spawn(orphan::watch(session.clone())),
    ];
    if let Some(client) = our_client {
        tasks.push(tokio::spawn(publisher::run(session.clone(), client.clone())));
        tasks.push(tokio::spawn(progress::run(session.clone(), client)));
    }
    let mut ingress = Ingress::new(service, session.clone());
    let answering = Arc::new(());
    let reading = read(
        BufReader::with_capacity(1 << 16, input),
        &mut ingress,
        answers,
        &session,
        &out,
        &answering,
    );
    let code = tokio::select! {
        biased;
        code = session.exit.wait() => code,
        () = out.overflowed() => {
            logging::complain("the client does not read its messages; giving up");
            session.exit.with_code(1);
            1
        }
        // The client closed its end of the output.
        _ = &mut writing => 1,
        code = reading => code,
    };
    leave(&session, &out, &answering).await;
    tasks.push(writing);
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    if let Some(analysis) = session.analysis().cloned() {
        let _ = tokio::task::spawn_blocking(move || analysis.finish(LAST_RESULTS)).await;
    }
    code
}

/// Restores the client's spelling of URIs in a request or notification from the server.
fn in_the_clients_words(request: Request, session: &Session) -> Request {
    let (method, id, params) = request.into_parts();
    let mut message = Request::build(method);
    if let Some(mut params) = params {
        session.spellings.restore(&mut params);
        message = message.params(params);
    }
    match id {
        Some(id) => message.id(id).finish(),
        None => message.finish(),
    }
}

/// Reads the input to its end and passes each message on. It never waits for an answer.
async fn read<R, S, A>(
    input: R,
    ingress: &mut Ingress<S>,
    mut answers: A,
    session: &Session,
    out: &Output,
    answering: &Arc<()>,
) -> u8
where
    R: AsyncBufRead + Unpin,
    Ingress<S>: Service<
            tower_lsp::jsonrpc::Request,
            Response = Option<tower_lsp::jsonrpc::Response>,
            Error = std::convert::Infallible,
            Future = futures::future::BoxFuture<
                'static,
                Result<Option<tower_lsp::jsonrpc::Response>, std::convert::Infallible>,
            >,
        >,
    A: futures::Sink<tower_lsp::jsonrpc::Response> + Unpin,
{
    let mut frames = Frames::new(input, frames::MAX_BODY);
    loop {
        let message = match frames.next().await {
            Ok(Some(message)) => message,
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, "cannot read the input");
                break;
            }
        };
        match message {
            Incoming::Request(request) => {
                let answer = ingress.call(request);
                let (out, answering) = (out.clone(), answering.clone());
                tokio::spawn(async move {
                    if let Ok(Some(response)) = answer.await {
                        out.send(&response);
                    }
                    drop(answering);
                });
            }
            // An answer to an unknown or canceled request is dropped.
            Incoming::Response(response) => drop(answers.send(response).await),
            Incoming::Broken(response) => {
                tracing::warn!(
                    code = response.error().map(|e| e.code.code()),
                    "received an unreadable message"
                );
                out.send(&response);
            }
        }
        // A fast client must not keep the handlers from running.
        tokio::task::yield_now().await;
    }
    session.exit.exit();
    session.exit.wait().await
}

/// Waits shortly for the answers of running requests, and for their output.
async fn leave(session: &Session, out: &Output, answering: &Arc<()>) {
    let answered = async {
        // Each answering task holds a clone.
        while Arc::strong_count(answering) > 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    if tokio::time::timeout(LAST_ANSWERS, answered).await.is_err() {
        session.in_flight.cancel_all();
    }
    let _ = tokio::time::timeout(LAST_ANSWERS, out.drained()).await;
}
