//! The model that writes text and predicts: that of the setting `model.generator`, or else the chosen one. The interpreter runs it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tower_lsp::jsonrpc::{Error, Result};

use crate::analysis::{ModelStatus, Pool, Refusal};
use crate::model::{Ability, Checkpoint, Model, ModelError, ModelInfo};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::settings::Settings;
use crate::server::to_proto;
use crate::text::Snapshot;

/// A model that nobody has asked for so long is unloaded: it may take a gigabyte.
const UNUSED: Duration = Duration::from_secs(600);

/// Where the model is; `None` for the built-in one.
pub fn folder(settings: &Settings) -> Option<PathBuf> {
    settings.generator.clone().or_else(|| settings.model_dir.clone())
}

/// Whether there is a model that writes text, as far as is known before it is loaded. `chosen` is the model that explains.
pub fn writes(settings: &Settings, chosen: &ModelInfo) -> bool {
    settings.generator.is_some() || chosen.abilities.contains(&Ability::Generate)
}

/// The same while the chosen model may not be loaded.
pub fn writes_now(session: &Session, request: &RequestSnapshot) -> bool {
    match session.analysis().map(|analysis| analysis.status().model) {
        Some(ModelStatus::Ready(info)) => writes(&request.settings, &info),
        _ => request.settings.generator.is_some(),
    }
}

/// Runs work with the model, on threads that give way to the editor's. Loads the model first if it is not in memory. `about` is the text that
/// decides between the built-in models.
///
/// # Errors
/// The reason why the model cannot be loaded, or what the work reports.
pub async fn run<T: Send + 'static>(
    session: &Arc<Session>,
    request: &RequestSnapshot,
    about: &Snapshot,
    work: impl FnOnce(&Model, Checkpoint) -> std::result::Result<T, ModelError> + Send + 'static,
) -> Result<T> {
    let (own, about) = (session.clone(), about.clone());
    let (settings, cancel) = (request.settings.clone(), request.cancel.clone());
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || {
        let pool = Pool::new(settings.threads);
        let done = pool.install(|| {
            let folder = folder(&settings);
            let model = own.pages.model(folder.as_deref(), &about);
            let model = model.map_err(|error| match settings.generator {
                Some(_) => Refusal::Failed(format!("fovea.model.generator: {error}")),
                None => Refusal::Failed(error.to_string()),
            })?;
            work(&model, &|| cancel.is_cancelled()).map_err(|error| match error {
                ModelError::Stopped => Refusal::Cancelled,
                error => Refusal::Failed(error.to_string()),
            })
        });
        // Here, since a cancelled request does not wait for its work.
        let session = Arc::downgrade(&own);
        runtime.spawn(async move {
            tokio::time::sleep(UNUSED).await;
            if let Some(session) = session.upgrade() {
                session.pages.unload(UNUSED);
            }
        });
        done
    });
    done.await
        .map_err(|_| Error::internal_error())?
        .map_err(|refusal| to_proto::refusal(&refusal))
}
