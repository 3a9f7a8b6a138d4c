//! What is registered with the client only while a setting wants it: other fallback_providers of the same facts.

use serde_json::json;
use tokio::sync::watch;
use tower_lsp::Client;
use tower_lsp::ls_types::{Registration, Unregistration};

use super::publisher::{CLIENT_TIMEOUT, within};
use super::request_snapshot::RequestSnapshot;

/// Which fallback_providers are registered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FallbackProviders {
    inlay_hint: bool,
    document_color: bool,
}

impl FallbackProviders {
    /// What the settings want of a client that takes registrations; others were told when they asked what there is.
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

/// Registers what is wanted and takes back what no longer is, one after the other, until nobody is left to want anything.
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
