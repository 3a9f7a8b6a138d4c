//! Sends the news from the outbox to the client.
//!
//! Only this module, the progress bars and the commands call the client. No other handler waits for it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tower_lsp::Client;
use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{ConfigurationItem, MessageType, Registration};

use super::client_answer::{CLIENT_TIMEOUT, within};
use super::fallback_providers::FallbackProviders;
use super::heat::{HeatDiff, Style};
use super::outbox::{HeatUpdate, Outgoing};
use super::protocol::{Heat, Status, StatusParams};
use super::request_snapshot::RequestSnapshot;
use super::requests::classify;
use super::session::Session;
use super::settings::HeatPreset;
use super::{diagnostics, fallback_providers, heat, status, uris};
use crate::analysis::{CancellationToken, DocumentId};

/// Pause between two rounds, so that a burst of news is sent once.
const PAUSE: Duration = Duration::from_millis(30);

/// Sends the news until the server ends.
pub async fn run(session: Arc<Session>, client: Client) {
    // Clients accept requests and most notifications only after `initialized`.
    session.outbox.ready().await;
    let (fallback_providers, wanted) = watch::channel(FallbackProviders::default());
    tokio::spawn(fallback_providers::keep(client.clone(), wanted));
    let mut publisher = Publisher {
        session,
        client,
        told: None,
        diffs: HashMap::new(),
        failure: None,
        diagnostics: diagnostics::Told::default(),
        fallback_providers,
        lenses: Arc::default(),
        hints: Arc::default(),
    };
    publisher.greet();
    loop {
        let outgoing = publisher.session.outbox.take().await;
        publisher.tell(outgoing).await;
        tokio::time::sleep(PAUSE).await;
    }
}

struct Publisher {
    session: Arc<Session>,
    client: Client,
    /// The state that the client knows.
    told: Option<StatusParams>,
    /// The heat that the client has of each document.
    diffs: HashMap<DocumentId, HeatDiff>,
    /// The failure that the user has already seen.
    failure: Option<String>,
    /// The diagnostics that the client has.
    diagnostics: diagnostics::Told,
    /// The fallback providers that the settings want.
    fallback_providers: watch::Sender<FallbackProviders>,
    lenses: Arc<Refresh>,
    hints: Arc<Refresh>,
}

impl Publisher {
    /// Sends the first messages after `initialized`.
    fn greet(&self) {
        let request = self.session.snapshot(CancellationToken::new());
        self.register(&request);
        if request.client.configuration {
            self.pull(&request);
        }
        self.session.outbox.add(|outgoing| outgoing.status = true);
    }

    async fn tell(&mut self, outgoing: Outgoing) {
        let request = self.session.snapshot(CancellationToken::new());
        if outgoing.pull {
            self.pull(&request);
        }
        for warning in &outgoing.warnings {
            self.client.show_message(MessageType::WARNING, warning).await;
        }
        if outgoing.status {
            self.tell_status(&request).await;
        }
        for id in &outgoing.fresh {
            self.diffs.remove(id);
        }
        for (id, heat) in outgoing.heat {
            self.tell_heat(&request, &id, heat).await;
        }
        self.fallback_providers.send_if_modified(|now| {
            let wanted = FallbackProviders::wanted(&request);
            std::mem::replace(now, wanted) != wanted
        });
        self.diagnostics.tell(&self.session, &request, &self.client).await;
        if outgoing.lenses && request.client.lens_refresh {
            let client = self.client.clone();
            refresh(&self.lenses, move || async move { client.code_lens_refresh().await });
        }
        if outgoing.lenses && request.client.inlay_refresh && request.settings.inlay_hint {
            let client = self.client.clone();
            refresh(&self.hints, move || async move { client.inlay_hint_refresh().await });
        }
    }

    /// Registers the features that the answer of `initialize` does not announce.
    fn register(&self, request: &RequestSnapshot) {
        let mut registrations = Vec::new();
        if request.client.highlight_registration {
            // VS Code scores a selector with every language and no scheme lower than the selector of the language's own server. Otherwise
            // Fovea's highlights would displace that server's.
            registrations.push(Registration {
                id: "fovea-highlight".to_owned(),
                method: "textDocument/documentHighlight".to_owned(),
                register_options: Some(json!({"documentSelector": [{"language": "*"}]})),
            });
        }
        if request.client.configuration_registration {
            registrations.push(Registration {
                id: "fovea-configuration".to_owned(),
                method: "workspace/didChangeConfiguration".to_owned(),
                register_options: Some(json!({"section": "fovea"})),
            });
        }
        if request.client.watch_registration {
            registrations.push(Registration {
                id: "fovea-files".to_owned(),
                method: "workspace/didChangeWatchedFiles".to_owned(),
                register_options: Some(json!({"watchers": [{"globPattern": "**/*"}]})),
            });
        }
        if registrations.is_empty() {
            return;
        }
        let client = self.client.clone();
        tokio::spawn(async move { within(CLIENT_TIMEOUT, client.register_capability(registrations)).await });
    }

    /// Asks for the section `fovea` of the settings. If a client that cannot answer reports a change, the settings return to the
    /// initialization options.
    fn pull(&self, request: &RequestSnapshot) {
        if !request.client.configuration {
            self.session.configure(&json!({}));
            return;
        }
        let (session, client) = (self.session.clone(), self.client.clone());
        tokio::spawn(async move {
            let item = ConfigurationItem {
                scope_uri: None,
                section: Some("fovea".to_owned()),
            };
            let sent = within(CLIENT_TIMEOUT, client.configuration(vec![item])).await;
            match sent.and_then(|sections| sections.into_iter().next()) {
                Some(Value::Null) | None => {}
                Some(section) => session.configure(&section),
            }
        });
    }

    async fn tell_status(&mut self, request: &RequestSnapshot) {
        let now = status::status(&self.session);
        // A client without a status display gets one message about a failure that leaves it without answers, and one about a failed probe.
        let (kind, failure) = match now.state {
            super::protocol::State::Failed => (MessageType::ERROR, now.message.clone()),
            _ => (MessageType::WARNING, classify::problem(&self.session, request)),
        };
        if let (false, Some(message)) = (request.client.status, failure)
            && self.failure.as_ref() != Some(&message)
        {
            let told = format!("Fovea: {message}");
            self.failure = Some(message);
            self.client.show_message(kind, told).await;
        }
        if request.client.status && self.told.as_ref() != Some(&now) {
            self.client.send_notification::<Status>(now.clone()).await;
        }
        self.told = Some(now);
    }

    async fn tell_heat(&mut self, request: &RequestSnapshot, id: &DocumentId, outgoing: HeatUpdate) {
        let Some((_, open)) = request.open(id).filter(|_| request.client.heat) else {
            return;
        };
        let version = open.snapshot().version();
        let params = match outgoing {
            HeatUpdate::Clear(of) if of == version => {
                self.diffs.remove(id);
                let uri = uris::parse(id);
                uri.map(|uri| heat::nothing(uri, version, request.settings.method))
            }
            HeatUpdate::Report(report)
                if request.settings.heat() != HeatPreset::Off
                    && open.inactive.is_none()
                    && report.snapshot.version() == version =>
            {
                let diff = self.diffs.entry(id.clone()).or_default();
                diff.draw(&report, &Style::of(request))
            }
            // The document, its version or the setting has changed since the computation.
            _ => None,
        };
        if let Some(params) = params {
            self.client.send_notification::<Heat>(params).await;
        }
    }
}

/// Asks the client to request lenses or hints again.
///
/// Only one such request runs at a time; news during it causes one more.
fn refresh<F>(refresh: &Arc<Refresh>, ask: impl FnOnce() -> F + Send + 'static)
where
    F: Future<Output = jsonrpc::Result<()>> + Send,
{
    let refresh = refresh.clone();
    if refresh.wanted.swap(true, Ordering::AcqRel) {
        return;
    }
    tokio::spawn(async move {
        let _one_at_a_time = refresh.running.lock().await;
        if refresh.wanted.swap(false, Ordering::AcqRel) {
            within(CLIENT_TIMEOUT, ask()).await;
        }
    });
}

/// Tracks the running refresh and the wish for another one.
#[derive(Default)]
struct Refresh {
    wanted: AtomicBool,
    running: tokio::sync::Mutex<()>,
}
