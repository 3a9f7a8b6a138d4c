//! The user's probe ([`crate::similar::probe`]), read again when its file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::model::ModelInfo;
use crate::places::probes_folder;
use crate::similar::probe::Probe;
use crate::text::read_regular;

/// Maximum size of a probe's file, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// A probe's file as it was read last.
#[derive(Debug)]
struct Known {
    file: PathBuf,
    stamp: Option<(SystemTime, u64)>,
    probe: Result<Arc<Probe>, String>,
}

/// The probe that was read last, and the turn to change one.
#[derive(Debug, Default)]
pub struct Probes {
    known: Mutex<Option<Known>>,
    turn: tokio::sync::Mutex<()>,
}

impl Probes {
    /// A probe by its name or its file (`….json`). The flag says whether it was read just now.
    pub fn load(&self, name: &str) -> (Result<Arc<Probe>, String>, bool) {
        let file = match file(name) {
            Ok(file) => file,
            Err(why) => return (Err(why), false),
        };
        let stamp = std::fs::metadata(&file)
            .ok()
            .and_then(|meta| Some((meta.modified().ok()?, meta.len())));
        let mut known = self.lock();
        if let Some(known) = known
            .as_ref()
            .filter(|known| known.file == file && known.stamp == stamp)
        {
            return (known.probe.clone(), false);
        }
        let probe = read(&file).map(Arc::new);
        *known = Some(Known {
            file,
            stamp,
            probe: probe.clone(),
        });
        (probe, true)
    }

    /// Waits until no other request changes a probe.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The next [`Probes::load`] reads the file again.
    pub fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file of a probe: the name itself if it ends in `.json`, otherwise a file in the folder of probes.
///
/// # Errors
/// If the environment names no folder of probes.
pub fn file(name: &str) -> Result<PathBuf, String> {
    let path = Path::new(name);
    if path.extension().is_some_and(|end| end == "json") {
        return Ok(path.to_owned());
    }
    let folder = probes_folder().ok_or("there is no folder of probes; give the whole path of the probe's file")?;
    Ok(folder.join(format!("{name}.json")))
}

fn read(file: &Path) -> Result<Probe, String> {
    let name = file.display();
    if !file.exists() {
        return Err(format!("{name} does not exist; make it with `fovea probe train`"));
    }
    let bytes = read_regular(file, MAX_BYTES).map_err(|error| format!("{name}: {error}"))?;
    Probe::parse(&bytes).map_err(|error| format!("{name}: {error}"))
}

/// Why a probe does not fit a model, and what to do; `None` if it fits.
pub fn misfit(probe: &Probe, model: &ModelInfo) -> Option<String> {
    (probe.encoder != model.id || probe.width() != model.hidden).then(|| {
        format!(
            "the probe reads embeddings of {}, and the model here is {}; train the probe again with `fovea probe train`",
            probe.model, model.name
        )
    })
}
