//! `--store`: an index on a server instead of one in the cache folder.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::model::Model;
use crate::places::configuration_folder;
use crate::similar::index::{Collection, Elsewhere, IndexError, Progress, Renewal};

/// The store to use, if any.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct StoreArguments {
    /// Use a store on a Postgres server instead of the cache folder: postgres://[USER@]HOST[:PORT]/DATABASE, without a password;
    /// without URL, use the address in FOVEA_STORE
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    store: Option<String>,
    /// Use the store whose address is in this file; only you may be able to read the file, and the address may contain a password
    #[arg(long, value_name = "FILE", conflicts_with = "store")]
    store_file: Option<PathBuf>,
}

/// The identity of a folder in a store.
#[derive(Args, Debug, Default)]
pub(super) struct NameArguments {
    /// Name of the folder in the store; the default is its path
    #[arg(long = "as", value_name = "NAME")]
    pub(super) name: Option<String>,
}

impl StoreArguments {
    /// Whether the user chose a store.
    pub(super) fn is_any(&self) -> bool {
        self.store.is_some() || self.store_file.is_some()
    }

    /// The items of the store; `root` is the queried folder.
    #[cfg(feature = "postgres")]
    pub(super) fn open(&self, model: &Model, root: Option<&Path>, own: &NameArguments) -> Result<Box<dyn Collection>> {
        use crate::similar::index::postgres::Shared;
        let own = own.name.as_ref().map(PathBuf::from);
        let own = own.or_else(|| root.map(Path::to_owned));
        Ok(Box::new(Shared::open(self.place()?, model, own.as_deref())?))
    }

    /// The store for a language server: the named one, or else the one whose address is in the file `store` of the user's configuration
    /// folder. If the store is unavailable, the server still starts and reports the reason.
    pub(super) fn elsewhere(&self) -> Option<Elsewhere> {
        let file = configuration_folder().map(|folder| folder.join("store"));
        let chosen = match file.filter(|file| !self.is_any() && file.exists()) {
            Some(file) => StoreArguments {
                store: None,
                store_file: Some(file),
            },
            None if self.is_any() => self.clone(),
            None => return None,
        };
        Some(chosen.unopened().unwrap_or_else(|error| {
            let place = chosen.origin();
            let why = format!("{error:#}");
            let told = [format!("{place}: "), "--store: ".to_owned()];
            let bare = told.iter().find_map(|origin| why.strip_prefix(origin));
            let why = bare.unwrap_or(&why).to_owned();
            let store = place.clone();
            let open = move |_: &Model| {
                let (store, why) = (store.clone(), why.clone());
                Err(IndexError::Store { store, why })
            };
            Elsewhere {
                place,
                open: Box::new(open),
            }
        }))
    }

    /// The source of the address. Unlike the address, it contains no password.
    fn origin(&self) -> String {
        match &self.store_file {
            Some(file) => file.display().to_string(),
            None => "--store".to_owned(),
        }
    }

    #[cfg(feature = "postgres")]
    fn unopened(&self) -> Result<Elsewhere> {
        use crate::similar::index::postgres::Shared;
        let place = self.place()?;
        Ok(Elsewhere {
            place: place.to_string(),
            open: Box::new(move |model| Ok(Box::new(Shared::open(place.clone(), model, None)?))),
        })
    }

    /// Updates a folder in the store. Returns the changes, the location, and the size of the store in bytes.
    #[cfg(feature = "postgres")]
    pub(super) fn renew(
        &self,
        model: &Model,
        folder: &Path,
        (name, link): (&NameArguments, Option<&str>),
        tell: impl FnMut(Progress),
    ) -> Result<(Renewal, String, u64)> {
        use super::input::Usage;
        use crate::model::UNSTOPPED;
        use crate::similar::index::Limits;
        use crate::similar::index::postgres::{Folder, Job, Link};
        let link = link.map(Link::new).transpose();
        let link = link.map_err(|error| Usage(error.to_string()))?;
        let mut job = Job::open(self.place()?, model)?;
        let folder = Folder {
            path: folder,
            name: name.name.as_deref(),
            link: link.as_ref(),
        };
        let renewal = job.renew(model, folder, &Limits::default(), UNSTOPPED, tell)?;
        let bytes = job.bytes()?;
        Ok((renewal, job.place(), bytes))
    }

    #[cfg(feature = "postgres")]
    fn place(&self) -> Result<crate::similar::index::postgres::StoreAddress> {
        use super::input::Usage;
        use crate::similar::index::postgres::StoreAddress;
        let place = match (&self.store, &self.store_file) {
            (_, Some(file)) => StoreAddress::from_file(file),
            (Some(address), None) if !address.is_empty() => StoreAddress::from_argument(address),
            _ => StoreAddress::from_environment(),
        };
        place.map_err(|error| Usage(error.to_string()).into())
    }

    #[cfg(not(feature = "postgres"))]
    pub(super) fn open(&self, _: &Model, _: Option<&Path>, _: &NameArguments) -> Result<Box<dyn Collection>> {
        Err(self.left_out())
    }

    #[cfg(not(feature = "postgres"))]
    fn unopened(&self) -> Result<Elsewhere> {
        Err(self.left_out())
    }

    #[cfg(not(feature = "postgres"))]
    pub(super) fn renew(
        &self,
        _: &Model,
        _: &Path,
        _: (&NameArguments, Option<&str>),
        _: impl FnMut(Progress),
    ) -> Result<(Renewal, String, u64)> {
        Err(self.left_out())
    }

    /// The message does not repeat the address, which may contain a password.
    #[cfg(not(feature = "postgres"))]
    fn left_out(&self) -> anyhow::Error {
        super::input::Usage(
            "--store: this build of fovea has no network support; to use a store on a server, install it with \
             cargo install fovea-ls --features postgres"
                .to_owned(),
        )
        .into()
    }
}
