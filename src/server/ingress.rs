//! Receives each message first, in the order of the wire.
//!
//! The framework runs handlers concurrently and in any order, so no handler may change state. [`Service::call`], which the transport calls
//! for one message after the other, applies notifications itself. A request gets a
//! [`RequestSnapshot`](super::request_snapshot::RequestSnapshot) of the state at its arrival, and is answered when its handler finishes.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::Service;
use tower_lsp::ExitedError;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};

use super::notifications;
use super::request_snapshot;
use super::session::Session;

/// The outermost service.
#[derive(Debug)]
pub struct Ingress<S> {
    inner: S,
    session: Arc<Session>,
}

impl<S> Ingress<S> {
    /// Wraps a service.
    pub fn new(inner: S, session: Arc<Session>) -> Ingress<S> {
        Ingress { inner, session }
    }
}

type Answer = Result<Option<Response>, Infallible>;

impl<S> Service<Request> for Ingress<S>
where
    S: Service<Request, Response = Option<Response>, Error = ExitedError>,
    S::Future: Send + 'static,
{
    type Response = Option<Response>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The framework is always ready until it exits; after that, its calls return an error.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (method, id, mut params) = request.into_parts();
        if let Some(params) = &mut params {
            self.session.spellings.read(&method, params);
        }
        let Some(id) = id else {
            self.notify(&method, params.unwrap_or(Value::Null));
            return ready(None);
        };
        match method.as_ref() {
            "initialize" => self.session.initialize(params.as_ref().unwrap_or(&Value::Null)),
            "shutdown" => self.session.exit.shutdown(),
            _ => {}
        }
        let vital = matches!(method.as_ref(), "initialize" | "shutdown");
        let pending = match self.session.in_flight.register(&id, vital) {
            Ok(pending) => pending,
            Err(error) => return ready(Some(Response::from_error(id, error))),
        };
        let snapshot = self.session.snapshot(pending.cancel);
        let slow = snapshot.settings.slow_ms;
        let builder = Request::build(method.clone()).id(pending.number);
        let request = params
            .into_iter()
            .fold(builder, |builder, params| builder.params(params))
            .finish();
        // Each handler has its own task: a panic ends only that task, and the two workers share the handlers. Commands change state before
        // they wait, so each command starts here, in the order of the wire.
        let handler = in_order(
            method == "workspace/executeCommand",
            request_snapshot::with(snapshot, self.inner.call(request)),
        );
        let session = self.session.clone();
        let start = Instant::now();
        async move {
            let answer = match handler.await {
                Ok(Ok(Some(response))) => {
                    let mut result = response.into_parts().1;
                    if let Ok(answer) = &mut result {
                        session.spellings.restore(answer);
                    }
                    Response::from_parts(id.clone(), result)
                }
                Ok(Ok(None)) => Response::from_error(id.clone(), Error::method_not_found()),
                Ok(Err(ExitedError { .. })) => Response::from_error(id.clone(), Error::invalid_request()),
                Err(_) => Response::from_error(id.clone(), Error::internal_error()),
            };
            session.in_flight.complete(&id);
            let elapsed = start.elapsed();
            if slow > 0 && elapsed >= Duration::from_millis(slow) {
                tracing::info!(%method, ms = elapsed.as_millis() as u64, "slow request");
            }
            Ok(Some(answer))
        }
        .boxed()
    }
}

impl<S> Ingress<S>
where
    S: Service<Request, Response = Option<Response>, Error = ExitedError>,
    S::Future: Send + 'static,
{
    fn notify(&mut self, method: &str, params: Value) {
        match method {
            "$/cancelRequest" => self.cancel(&params),
            "exit" => {
                // The framework only sets a flag, so the call completes at once.
                let _ = self.inner.call(Request::build("exit").finish()).now_or_never();
                self.session.exit.exit();
            }
            _ => notifications::apply(&self.session, method, params),
        }
    }

    fn cancel(&mut self, params: &Value) {
        let Some(id) = params
            .get("id")
            .and_then(|id| serde_json::from_value::<Id>(id.clone()).ok())
        else {
            return;
        };
        if let Some(number) = self.session.in_flight.cancel(&id) {
            // The framework drops the handler, and answers at once that the request was canceled.
            let cancel = Request::build("$/cancelRequest").params(json!({"id": number})).finish();
            let _ = self.inner.call(cancel).now_or_never();
        }
    }
}

/// Spawns a handler. With `begin`, the handler first runs on the calling thread until it waits for the first time.
fn in_order<F>(begin: bool, handler: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let mut handler = handler.boxed();
    if !begin {
        return tokio::spawn(handler);
    }
    match catch_unwind(AssertUnwindSafe(|| (&mut handler).now_or_never())) {
        Ok(Some(answer)) => tokio::spawn(std::future::ready(answer)),
        // The task polls again, so that later wake-ups reach it.
        Ok(None) => tokio::spawn(handler),
        Err(panic) => tokio::spawn(async move { resume_unwind(panic) }),
    }
}

fn ready(response: Option<Response>) -> BoxFuture<'static, Answer> {
    std::future::ready(Ok(response)).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LoadError;

    /// Replaces the framework: panics for the method `panic`, otherwise echoes the parameters.
    struct Inner;

    impl Service<Request> for Inner {
        type Response = Option<Response>;
        type Error = ExitedError;
        type Future = BoxFuture<'static, Result<Option<Response>, ExitedError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ExitedError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request) -> Self::Future {
            let (method, id, params) = request.into_parts();
            async move {
                assert_ne!(method, "panic");
                assert!(request_snapshot::request().is_ok());
                Ok(id.map(|id| Response::from_ok(id, params.unwrap_or_default())))
            }
            .boxed()
        }
    }

    #[tokio::test]
    async fn a_panic_becomes_an_internal_error_and_the_server_continues() {
        let session = Arc::new(Session::new(
            Box::new(|_| Box::new(|| Err("no model".to_owned()))),
            Box::new(|_, _| Err(LoadError::NotEmbedded)),
            None,
            None,
        ));
        let mut ingress = Ingress::new(Inner, session.clone());
        let answer = ingress
            .call(Request::build("panic").id("a").finish())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer, Response::from_error(Id::from("a"), Error::internal_error()));
        let answer = ingress
            .call(Request::build("echo").params(json!({"b": 1})).id("a").finish())
            .await
            .unwrap();
        assert_eq!(answer, Some(Response::from_ok(Id::from("a"), json!({"b": 1}))));
    }
}
