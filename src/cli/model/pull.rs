//! `fovea model pull`: downloads a model from the Hugging Face Hub into the cache that Python tools share.
//!
//! Fovea never downloads files that can run code. Each file is stored under the checksum of the Hub, and large files are hashed and
//! compared. An interrupted transfer continues where it stopped.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use hf_hub::api::Progress;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use sha2::{Digest, Sha256};

use crate::cli::output::{self, Progress as Drawn};
use crate::model::{Model, Source, hex, hub};

/// Files that Fovea reads of a folder, besides weights and the folders that modules.json names.
const WANTED: [&str; 12] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlnet_config.json",
];

/// Number of times that a broken transfer is resumed before it is an error.
const RETRIES: usize = 4;

/// A progress bar for the transfer of a file.
struct Bar(Option<(Drawn, usize)>);

/// Bytes per megabyte, the unit of the progress bar.
const MEGABYTE: usize = 1_000_000;

impl Progress for Bar {
    fn init(&mut self, size: usize, file: &str) {
        self.0 = Some((Drawn::new(format!("{file}, MB"), size / MEGABYTE), 0));
    }

    fn update(&mut self, size: usize) {
        if let Some((drawn, bytes)) = &mut self.0 {
            *bytes += size;
            drawn.at(*bytes / MEGABYTE);
        }
    }

    fn finish(&mut self) {
        self.0 = None;
    }
}

pub(super) fn run(name: &str) -> Result<()> {
    let Some((repository, file)) = hub::repository(name) else {
        return Err(crate::cli::input::Usage(format!(
            "{name}: not a name of the Hugging Face Hub; write OWNER/NAME, as in `fovea model pull intfloat/e5-small-v2`"
        ))
        .into());
    };
    if offline() {
        let Some(path) = hub::downloaded(name) else {
            bail!("{name} is not on this machine, and HF_HUB_OFFLINE forbids to download it; unset the variable");
        };
        return report(name, &path);
    }
    let cache = hub::cache_folder().context(
        "no folder for the model: the environment names no home and no HF_HOME; set HF_HOME to the folder that models belong in",
    )?;
    let repo = Repo::new(repository.to_owned(), RepoType::Model);
    let api = api(&cache)?;
    let remote = api.repo(repo);
    let listing = remote.info().map_err(|error| refused(error, repository))?;
    let there: Vec<&str> = listing.siblings.iter().map(|file| file.rfilename.as_str()).collect();
    for file in wanted(name, file, &there)? {
        fetch(&api, &remote, &cache, repository, &file)?;
    }
    let path = hub::downloaded(name).with_context(|| {
        format!("{repository} holds several models; name one file, as in `fovea model pull {repository}/FILE.gguf`")
    })?;
    report(name, &path)
}

/// Loads the model, so that an unsupported repository fails at once, and says how to use the model.
fn report(name: &str, path: &Path) -> Result<()> {
    let model = Model::load(&Source::at(path))?;
    let info = model.info();
    let abilities: Vec<&str> = info.abilities.iter().map(|ability| ability.name()).collect();
    output::write(&format!(
        "{name}: {}, {} layers, can {}\n  {}\nUse it with `--model {name}`, FOVEA_MODEL={name} or the setting fovea.model.dir.\n",
        info.architecture,
        info.layers,
        abilities.join(", "),
        path.display(),
    ))
}

/// `HF_HUB_OFFLINE`, as `huggingface_hub` reads it.
fn offline() -> bool {
    let value = std::env::var("HF_HUB_OFFLINE").unwrap_or_default().to_ascii_uppercase();
    ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
}

/// A client for `HF_ENDPOINT`, with the token of `HF_TOKEN` or of `hf auth login`; the usual variables name a proxy.
fn api(cache: &Path) -> Result<Api> {
    let token = std::env::var("HF_TOKEN").ok().filter(|token| !token.is_empty());
    let token = token.or_else(|| Cache::from_env().token());
    let mut builder = ApiBuilder::from_cache(Cache::new(cache.to_owned()))
        .with_token(token)
        .with_progress(false)
        .with_retries(RETRIES)
        .with_user_agent("fovea", env!("CARGO_PKG_VERSION"));
    if let Some(endpoint) = std::env::var("HF_ENDPOINT")
        .ok()
        .filter(|endpoint| !endpoint.is_empty())
    {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
    }
    builder.build().context("cannot make a client for the Hugging Face Hub")
}

/// Selects the files to download from those in the repository.
fn wanted(name: &str, file: Option<&str>, there: &[&str]) -> Result<Vec<String>> {
    if let Some(file) = file {
        if !there.contains(&file) {
            bail!(
                "{name}: the repository has no such file; it has {}",
                in_words(there, ".gguf")
            );
        }
        return Ok(vec![file.to_owned()]);
    }
    let safetensors = |file: &&str| {
        !file.contains('/')
            && (*file == "model.safetensors" || file.starts_with("model-"))
            && file.ends_with(".safetensors")
    };
    let weights: Vec<&str> = there.iter().copied().filter(safetensors).collect();
    if weights.is_empty() {
        let ggufs: Vec<&str> = there.iter().copied().filter(|file| file.ends_with(".gguf")).collect();
        match ggufs[..] {
            [only] => return Ok(vec![only.to_owned()]),
            [] => bail!(
                "{name} has no model.safetensors and no GGUF file; other weight files may run code, so fovea does not read them: \
                 choose another repository (`fovea model list`)"
            ),
            _ => bail!("{name} has several models; name one of {}", in_words(there, ".gguf")),
        }
    }
    for needed in ["config.json", "tokenizer.json"] {
        if !there.contains(&needed) {
            bail!("{name} has no {needed}, which fovea needs; choose another repository (`fovea model list`)");
        }
    }
    // Modules of sentence-transformers are in numbered folders: 1_Pooling, 2_Dense.
    let module = |file: &&str| {
        let Some((folder, file)) = file.split_once('/') else {
            return false;
        };
        let numbered = folder
            .split_once('_')
            .is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        numbered && ["config.json", "model.safetensors"].contains(&file)
    };
    let small = WANTED
        .into_iter()
        .chain(["model.safetensors.index.json"])
        .filter(|file| there.contains(file));
    let modules = there.iter().copied().filter(module);
    // Weights come last, so that a broken repository fails before the long transfer.
    Ok(small.chain(modules).chain(weights).map(str::to_owned).collect())
}

/// Lists the names with an extension, for a sentence.
fn in_words(there: &[&str], ending: &str) -> String {
    let names: Vec<&str> = there.iter().copied().filter(|file| file.ends_with(ending)).collect();
    match names.is_empty() {
        true => format!("no {ending} files"),
        false => names.join(", "),
    }
}

/// Downloads a file unless it is cached, and compares its checksum with the Hub's.
fn fetch(api: &Api, remote: &ApiRepo, cache: &Path, repository: &str, file: &str) -> Result<()> {
    let metadata = api
        .metadata(&remote.url(file))
        .map_err(|error| refused(error, repository))?;
    // Both values become file names.
    for part in [metadata.commit_hash(), metadata.etag()] {
        let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        anyhow::ensure!(
            plain,
            "{repository}/{file}: the server answers with {part:?} for a checksum; check HF_ENDPOINT"
        );
    }
    let folder = hub::folder_of(cache, repository);
    let blob = folder.join("blobs").join(metadata.etag());
    let known = folder.join("snapshots").join(metadata.commit_hash()).join(file);
    if !known.exists() {
        forget_a_whole_part(&blob, metadata.size())?;
        remote
            .download_with_progress(file, Bar(None))
            .map_err(|error| refused(error, repository))
            .with_context(|| format!("cannot download {file}; run the command again to go on where it stopped"))?;
    }
    // Large files are named by their SHA-256. Small files have git's hash; parsing them is the check.
    if metadata.etag().len() == 64 && sha256(&blob)? != metadata.etag() {
        for path in [&known, &blob] {
            std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        bail!(
            "{repository}/{file}: the checksum is not the one that the Hub gives; the file was removed, run the command again"
        );
    }
    Ok(())
}

/// Removes a complete partial file that was never renamed because the process ended. A server cannot resume it, because no bytes are left.
fn forget_a_whole_part(blob: &Path, size: usize) -> Result<()> {
    let part = blob.with_extension("part");
    if part.metadata().is_ok_and(|found| found.len() >= size as u64) {
        std::fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))?;
    }
    Ok(())
}

fn sha256(path: &Path) -> Result<String> {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut part)? {
                0 => break,
                read => hash.update(&part[..read]),
            }
        }
        Ok(hex(&hash.finalize()))
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

/// Explains an error of the Hub, and what to do.
fn refused(error: ApiError, repository: &str) -> anyhow::Error {
    let text = error.to_string();
    let advice = match () {
        () if text.contains("401") || text.contains("403") => {
            "the Hub has no such repository, or wants you to log in: check the name, accept the model's terms on its page, and set HF_TOKEN"
        }
        () if text.contains("404") => "the Hub has no such repository or file: check the name",
        () if text.contains("Lock") => "another process downloads the same file: wait for it",
        () => "check the connection, HF_ENDPOINT and the proxy (HTTPS_PROXY)",
    };
    anyhow::anyhow!("cannot get {repository} from the Hugging Face Hub: {advice} ({text})")
}
