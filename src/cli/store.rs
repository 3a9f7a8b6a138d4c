//! `--store`: an index on a server instead of one in the cache folder.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::model::Model;
use crate::similar::index::{Collection, Progress, Renewal};

/// Which store, if any.
#[derive(Args, Debug)]
pub(super) struct StoreArguments {
    /// A store on a server of Postgres instead of the cache folder: postgres://[USER@]HOST[:PORT]/DATABASE, without a password; alone,
    /// the address in FOVEA_STORE
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    store: Option<String>,
    /// The same, with the address in a file that nobody else can read; it may have a password
    #[arg(long, value_name = "FILE", conflicts_with = "store")]
    store_file: Option<PathBuf>,
    /// What the folder is called in the store; its path, unless told otherwise
    #[arg(long = "as", value_name = "NAME")]
    pub(super) name: Option<String>,
}

impl StoreArguments {
    /// Whether a store is asked for.
    pub(super) fn is_any(&self) -> bool {
        self.store.is_some() || self.store_file.is_some()
    }

    /// The items of the store; `root` is the folder that is asked about.
    #[cfg(feature = "postgres")]
    pub(super) fn open(&self, model: &Model, root: Option<&Path>) -> Result<Box<dyn Collection>> {
        use crate::similar::index::postgres::Shared;
        let own = self
            .name
            .as_ref()
            .map(PathBuf::from)
            .or_else(|| root.map(Path::to_owned));
        Ok(Box::new(Shared::open(self.place()?, model, own.as_deref())?))
    }

    /// Brings what the store has of a folder up to date: what was done, where, and the bytes that the store takes.
    #[cfg(feature = "postgres")]
    pub(super) fn renew(
        &self,
        model: &Model,
        folder: &Path,
        tell: impl FnMut(Progress),
    ) -> Result<(Renewal, String, u64)> {
        use crate::model::UNSTOPPED;
        use crate::similar::index::Limits;
        use crate::similar::index::postgres::Job;
        let mut job = Job::open(self.place()?, model)?;
        let name = self.name.as_deref();
        let renewal = job.renew(model, folder, name, &Limits::default(), UNSTOPPED, tell)?;
        let bytes = job.bytes()?;
        Ok((renewal, job.place(), bytes))
    }

    #[cfg(feature = "postgres")]
    fn place(&self) -> Result<crate::similar::index::postgres::StorePlace> {
        use super::input::Usage;
        use crate::similar::index::postgres::StorePlace;
        let place = match (&self.store, &self.store_file) {
            (_, Some(file)) => StorePlace::from_file(file),
            (Some(address), None) if !address.is_empty() => StorePlace::from_argument(address),
            _ => StorePlace::from_environment(),
        };
        place.map_err(|error| Usage(error.to_string()).into())
    }

    #[cfg(not(feature = "postgres"))]
    pub(super) fn open(&self, _: &Model, _: Option<&Path>) -> Result<Box<dyn Collection>> {
        Err(self.left_out())
    }

    #[cfg(not(feature = "postgres"))]
    pub(super) fn renew(&self, _: &Model, _: &Path, _: impl FnMut(Progress)) -> Result<(Renewal, String, u64)> {
        Err(self.left_out())
    }

    /// The address itself is not repeated: it may have a password.
    #[cfg(not(feature = "postgres"))]
    fn left_out(&self) -> anyhow::Error {
        super::input::Usage(
            "--store: this fovea reaches no network, as it comes; one that can use a store on a server is built with \
             cargo install fovea-ls --features postgres"
                .to_owned(),
        )
        .into()
    }
}
