//! Features that the server registers only while a setting enables them.
//!
//! They show the same facts as heat and lenses, for editors that have neither.

use serde_json::json;
use tokio::sync::watch;
use tower_lsp::Client;
use tower_lsp::ls_types::{Registration, Unregistration};

use super::client_answer::{CLIENT_TIMEOUT, within};
use super::request_snapshot::RequestSnapshot;

/// The fallback providers that are registered, or should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FallbackProviders {
    inlay_hint: bool,
    document_color: bool,
}

impl FallbackProviders {
    /// The providers that the settings enable, for clients that support registration.
    ///
    /// Other clients learn the providers from the answer of `initialize`.
    pub fn wanted(request: &RequestSnapshot) -> FallbackProviders {
        let (client, settings) = (&request.client, &request.settings);
        FallbackProviders {
            inlay_hint: settings.inlay_hint && client.inlay_registration,
            document_color: settings.document_color && client.color_registration,
        }
    }

    fn methods(self) -> [(&'static str, bool); 2] {
        [
            ("textDocument/inlayHint", self.inlay_hint),
            ("textDocument/documentColor", self.document_color),
        ]
    }
}

/// Registers and unregisters providers, one change at a time, until the sender is dropped.
pub async fn keep(client: Client, mut wanted: watch::Receiver<FallbackProviders>) {
    let mut known = FallbackProviders::default();
    while wanted.changed().await.is_ok() {
        let now = *wanted.borrow_and_update();
        for ((method, was), (_, wanted)) in known.methods().into_iter().zip(now.methods()) {
            let id = format!("fovea-{method}");
            let method = method.to_owned();
            if wanted && !was {
                let registration = Registration {
                    id,
                    method,
                    register_options: Some(json!({"documentSelector": [{"language": "*"}]})),
                };
                within(CLIENT_TIMEOUT, client.register_capability(vec![registration])).await;
            } else if was && !wanted {
                let registration = Unregistration { id, method };
                within(CLIENT_TIMEOUT, client.unregister_capability(vec![registration])).await;
            }
        }
        known = now;
    }
}
