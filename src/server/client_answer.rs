//! Requests that the server sends to the client: how long it waits for their answers.

use std::future::Future;
use std::time::Duration;

use tower_lsp::jsonrpc;

/// Time limit for a client's answer to a request that needs no user.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits for a client's answer; `None` if it fails or is late.
pub async fn within<T>(time: Duration, answer: impl Future<Output = jsonrpc::Result<T>>) -> Option<T> {
    match tokio::time::timeout(time, answer).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(code = error.code.code(), "the client refused a request");
            None
        }
        Err(_) => {
            tracing::info!("the client does not answer a request");
            None
        }
    }
}
