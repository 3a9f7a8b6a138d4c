//! Serves the page's questions over the loopback interface while the program runs.
//!
//! The address contains a secret that only the user has. A page of another site cannot ask, even if it knows the port: it has another
//! Origin, or another Host if its own name resolves to 127.0.0.1 (rebinding). No other part of Fovea listens, and this module never opens a
//! connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, Response, StatusCode, Uri, header};

use super::page::{SCRIPT, STYLE, served};
use super::question::Question;
use super::{Answer, Live, ViewError};
use crate::model::hex;

/// A browser may load only the page, its script and its styles, and ask only their server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// A server that listens but does not answer yet.
pub struct Listening {
    listener: tokio::net::TcpListener,
    runtime: tokio::runtime::Runtime,
    guard: Arc<Guard>,
}

/// The conditions for an answer to a request.
struct Guard {
    /// The secret in the address.
    token: String,
    /// The only accepted Host.
    host: String,
    live: Arc<Live>,
    /// Whether the document may change while the page is open.
    follows: bool,
}

/// Maximum waiting time of a long poll.
const PATIENCE: Duration = Duration::from_secs(25);

/// Listens on 127.0.0.1, on a free port for `port` 0. The page `follows` an editor, or shows one fixed text.
///
/// # Errors
/// If the port is taken, or the system has no random numbers.
pub fn listen(live: Arc<Live>, port: u16, follows: bool) -> std::io::Result<Listening> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = runtime.block_on(tokio::net::TcpListener::bind(address))?;
    let port = listener.local_addr()?.port();
    let guard = Guard {
        token: secret()?,
        host: format!("127.0.0.1:{port}"),
        live,
        follows,
    };
    Ok(Listening {
        listener,
        runtime,
        guard: Arc::new(guard),
    })
}

impl Listening {
    /// The address of the page.
    pub fn address(&self) -> String {
        format!("http://{}/{}/", self.guard.host, self.guard.token)
    }

    /// Answers requests until the process ends.
    ///
    /// # Errors
    /// If the listener fails.
    pub fn run(self) -> std::io::Result<()> {
        let guard = self.guard;
        let answer = move |method: Method, uri: Uri, headers: HeaderMap| {
            let guard = Arc::clone(&guard);
            async move { guard.answer(method, uri, headers).await }
        };
        let router = Router::new().fallback(answer);
        self.runtime
            .block_on(async move { axum::serve(self.listener, router).await })
    }
}

/// 128 random bits in hexadecimal.
fn secret() -> std::io::Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex(&bytes))
}

impl Guard {
    async fn answer(self: Arc<Guard>, method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
        if let Err(refused) = self.admit(&uri, &headers) {
            return reply(refused, "text/plain", format!("{refused}\n"));
        }
        if method != Method::GET && method != Method::HEAD {
            return reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET is answered\n");
        }
        let path = uri.path().split_once('/').and_then(|(_, path)| path.split_once('/'));
        let path = path.map_or("", |(_, path)| path).to_owned();
        match path.as_str() {
            "" => reply(StatusCode::OK, "text/html; charset=utf-8", served()),
            "page.js" => reply(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT),
            "page.css" => reply(StatusCode::OK, "text/css; charset=utf-8", STYLE),
            path if path.starts_with("api/after/") => self.after(path).await,
            path => {
                let question = path.strip_prefix("api/").and_then(Question::parse);
                let Some(question) = question else {
                    return reply(StatusCode::NOT_FOUND, "text/plain", "there is no such page\n");
                };
                // The model computes for milliseconds up to seconds; the server answers other requests meanwhile.
                let asked = tokio::task::spawn_blocking(move || self.live.explorer()?.answer(&question)).await;
                answered(asked)
            }
        }
    }

    /// Waits for an edit or a move of the cursor: `api/after/N`, where N is the last number that the page knows.
    async fn after(&self, path: &str) -> Response<Body> {
        let known = path.rsplit('/').next().and_then(|number| number.parse().ok());
        let Some(known) = known else {
            return reply(StatusCode::NOT_FOUND, "text/plain", "there is no such page\n");
        };
        // A fixed text never changes, which is not an error.
        if !self.follows {
            return reply(StatusCode::OK, "application/json", "null");
        }
        if tokio::time::timeout(PATIENCE, self.live.changed(known)).await.is_err() {
            return reply(StatusCode::NO_CONTENT, "text/plain", Body::empty());
        }
        let live = Arc::clone(&self.live);
        answered(tokio::task::spawn_blocking(move || live.now().map(Answer::Json)).await)
    }

    /// Whether a request comes from the page that this server gave to its user.
    fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), StatusCode> {
        let text = |name: HeaderName| {
            headers
                .get_all(name)
                .iter()
                .map(|value| value.as_bytes())
                .collect::<Vec<_>>()
        };
        // Another host name for this machine indicates a page of another site.
        if text(header::HOST) != [self.host.as_bytes()] {
            return Err(StatusCode::FORBIDDEN);
        }
        let own = format!("http://{}", self.host);
        if text(header::ORIGIN).iter().any(|origin| *origin != own.as_bytes()) {
            return Err(StatusCode::FORBIDDEN);
        }
        let site = text(HeaderName::from_static("sec-fetch-site"));
        if site.iter().any(|site| !matches!(*site, b"same-origin" | b"none")) {
            return Err(StatusCode::FORBIDDEN);
        }
        let token = uri.path().split('/').nth(1).unwrap_or_default();
        match same(token.as_bytes(), self.token.as_bytes()) {
            true => Ok(()),
            false => Err(StatusCode::FORBIDDEN),
        }
    }
}

/// Compares two texts in constant time, so that timing reveals no prefix.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

fn answered(asked: Result<Result<Answer, ViewError>, tokio::task::JoinError>) -> Response<Body> {
    match asked {
        Ok(Ok(Answer::Json(value))) => reply(StatusCode::OK, "application/json", value.to_string()),
        Ok(Ok(Answer::Bytes(bytes))) => reply(StatusCode::OK, "application/octet-stream", bytes),
        Ok(Err(error @ ViewError::Missing(_))) => reply(StatusCode::NOT_FOUND, "text/plain", format!("{error}\n")),
        Ok(Err(error)) => reply(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", format!("{error}\n")),
        Err(_) => reply(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain",
            "this answer failed; ask again\n",
        ),
    }
}

fn reply(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, header::HeaderValue::from_static(value));
    }
    response
}
