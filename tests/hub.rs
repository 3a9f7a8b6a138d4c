//! `fovea model pull` against a local server that serves a tiny model as the Hugging Face Hub does.
#![allow(clippy::unwrap_used, reason = "a failing test names what is missing")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A fault of the hub.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Nothing,
    /// The first transfer of the weights ends early.
    CutsOff,
    /// The weights do not have their checksum.
    WrongWeights,
    /// The commit is a path out of the cache.
    Escapes,
}

/// A hub with the repository `owner/tiny`.
struct Hub {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-sentence")
}

fn files_below(folder: &Path, below: &str) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        match entry.path().is_dir() {
            true => files.extend(files_below(&entry.path(), &format!("{name}/"))),
            false => files.push(name),
        }
    }
    files
}

impl Hub {
    fn start(fault: Fault) -> Hub {
        Hub::with(files_below(&fixture(), ""), fault)
    }

    fn with(files: Vec<String>, fault: Fault) -> Hub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        std::thread::spawn(move || {
            let mut cut = fault == Fault::CutsOff;
            for stream in listener.incoming() {
                serve(stream.unwrap(), &files, fault, &mut cut, &log);
            }
        });
        Hub { address, requests }
    }

    fn command(&self, cache: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
        command
            .args(arguments)
            .env("HF_ENDPOINT", &self.address)
            .env("HF_HUB_CACHE", cache)
            .env("FOVEA_CACHE_DIR", cache.join("fovea"))
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("HF_TOKEN")
            .env_remove("HF_HUB_OFFLINE");
        command
    }

    fn pull(&self, cache: &Path, name: &str) -> Output {
        self.command(cache, &["model", "pull", name]).output().unwrap()
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

/// Answers one request and closes the connection.
fn serve(mut stream: TcpStream, files: &[String], fault: Fault, cut: &mut bool, log: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    for line in BufReader::new(&stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else {
        return;
    };
    let header = |name: &str| {
        let found = head
            .iter()
            .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
        found.map(|(_, value)| value.to_owned())
    };
    let range = header("range");
    let token = header("authorization").unwrap_or_default();
    log.lock().unwrap().push(
        format!("{path} {} {token}", range.as_deref().unwrap_or_default())
            .trim()
            .to_owned(),
    );
    let refuse = |stream: &mut TcpStream, status: &str| {
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    };
    if path == "/api/models/owner/tiny/revision/main" {
        let siblings: Vec<_> = files
            .iter()
            .map(|file| serde_json::json!({ "rfilename": file }))
            .collect();
        let body = serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        return;
    }
    let Some(file) = path.strip_prefix("/owner/tiny/resolve/main/") else {
        return refuse(&mut stream, "404 Not Found");
    };
    let Ok(mut body) = std::fs::read(fixture().join(file)) else {
        return refuse(&mut stream, "404 Not Found");
    };
    let checksum: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let is_weights = file == "model.safetensors";
    if is_weights && fault == Fault::WrongWeights {
        *body.last_mut().unwrap() ^= 1;
    }
    let (first, last) = range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes="))
        .unwrap()
        .split_once('-')
        .unwrap();
    let first: usize = first.parse().unwrap();
    let last = last.parse().map_or(body.len(), |last: usize| last + 1);
    if first >= body.len() {
        return refuse(&mut stream, "416 Range Not Satisfiable");
    }
    let commit = if fault == Fault::Escapes {
        "../../../elsewhere"
    } else {
        COMMIT
    };
    let _ = write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nx-repo-commit: {commit}\r\netag: \"{checksum}\"\r\n\
         content-range: bytes {first}-{}/{}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        last - 1,
        body.len(),
        last - first
    );
    let part = &body[first..last];
    let cut_here = is_weights && *cut && part.len() > 1;
    let sent = if cut_here { &part[..part.len() / 2] } else { part };
    *cut &= !cut_here;
    let _ = stream.write_all(sent);
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn a_pulled_model_is_found_by_its_name_and_embeds_as_its_folder_does() {
    let (hub, cache) = (Hub::start(Fault::Nothing), tempfile::tempdir().unwrap());
    let pulled = hub.pull(cache.path(), "owner/tiny");
    assert!(pulled.status.success(), "{}", words(&pulled));
    assert!(words(&pulled).contains("--model owner/tiny"), "{}", words(&pulled));
    // Files that Fovea does not read are not downloaded.
    assert!(hub.requests().iter().all(|request| !request.contains("golden.json")));
    let embed = |model: &str| {
        let mut command = hub.command(cache.path(), &["embed", "--model", model]);
        let input = cache.path().join("input.jsonl");
        std::fs::write(&input, "\"ab cd\"\n").unwrap();
        command.stdin(std::fs::File::open(input).unwrap()).output().unwrap()
    };
    let (by_name, by_folder) = (embed("owner/tiny"), embed(fixture().to_str().unwrap()));
    assert!(by_name.status.success(), "{}", words(&by_name));
    assert_eq!(by_name.stdout, by_folder.stdout);
    assert_eq!(
        hub.requests(),
        Vec::<String>::new(),
        "a model on this machine needs no request"
    );
    // A second pull transfers only the checksums.
    assert!(hub.pull(cache.path(), "owner/tiny").status.success());
    let transfers = hub
        .requests()
        .into_iter()
        .filter(|request| request.contains("resolve") && !request.ends_with("bytes=0-0"));
    assert_eq!(transfers.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_transfer_that_ended_midway_goes_on_where_it_stopped() {
    let (hub, cache) = (Hub::start(Fault::CutsOff), tempfile::tempdir().unwrap());
    let pulled = hub.pull(cache.path(), "owner/tiny");
    assert!(pulled.status.success(), "{}", words(&pulled));
    let weights = hub
        .requests()
        .into_iter()
        .filter(|request| request.contains("main/model.safetensors bytes="));
    let starts: Vec<u64> = weights
        .filter(|request| request.ends_with('-'))
        .map(|request| {
            request
                .rsplit_once('=')
                .unwrap()
                .1
                .trim_end_matches('-')
                .parse()
                .unwrap()
        })
        .collect();
    let size = fixture().join("model.safetensors").metadata().unwrap().len();
    assert_eq!(starts, [0, size / 2]);
}

#[test]
fn a_part_that_was_never_renamed_does_no_harm() {
    let (hub, cache) = (Hub::start(Fault::Nothing), tempfile::tempdir().unwrap());
    let weights = std::fs::read(fixture().join("model.safetensors")).unwrap();
    let checksum: String = Sha256::digest(&weights)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let blobs = cache.path().join("models--owner--tiny/blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(blobs.join(format!("{checksum}.part")), &weights).unwrap();
    let pulled = hub.pull(cache.path(), "owner/tiny");
    assert!(pulled.status.success(), "{}", words(&pulled));
}

#[test]
fn weights_with_a_wrong_checksum_are_removed_and_refused() {
    let (hub, cache) = (Hub::start(Fault::WrongWeights), tempfile::tempdir().unwrap());
    let pulled = hub.pull(cache.path(), "owner/tiny");
    assert_eq!(pulled.status.code(), Some(1));
    assert!(
        words(&pulled).contains("the checksum is not the one that the Hub gives"),
        "{}",
        words(&pulled)
    );
    let left = files_below(&cache.path().join("models--owner--tiny"), "");
    assert!(
        left.iter()
            .all(|file| !file.ends_with("/model.safetensors") || file.contains("_Dense/")),
        "{left:?}"
    );
}

#[test]
fn a_server_cannot_write_outside_the_cache() {
    let (hub, cache) = (Hub::start(Fault::Escapes), tempfile::tempdir().unwrap());
    let pulled = hub.pull(cache.path(), "owner/tiny");
    assert_eq!(pulled.status.code(), Some(1));
    assert!(words(&pulled).contains("check HF_ENDPOINT"), "{}", words(&pulled));
    let written = files_below(cache.path(), "");
    assert!(written.iter().all(|file| file.starts_with("fovea")), "{written:?}");
}

#[test]
fn a_token_goes_to_the_hub_and_without_one_none_does() {
    let (hub, cache) = (Hub::start(Fault::Nothing), tempfile::tempdir().unwrap());
    let mut command = hub.command(cache.path(), &["model", "pull", "owner/tiny"]);
    assert!(command.env("HF_TOKEN", "hf_secret").output().unwrap().status.success());
    let requests = hub.requests();
    assert!(
        !requests.is_empty() && requests.iter().all(|request| request.ends_with("Bearer hf_secret")),
        "{requests:?}"
    );
    // An empty HF_HOME hides the token of a login on this machine; an empty cache makes the second pull download all files again.
    let empty = tempfile::tempdir().unwrap();
    let mut command = hub.command(empty.path(), &["model", "pull", "owner/tiny"]);
    assert!(command.env("HF_HOME", empty.path()).output().unwrap().status.success());
    let requests = hub.requests();
    assert!(
        !requests.is_empty() && requests.iter().all(|request| !request.contains("Bearer")),
        "{requests:?}"
    );
}

#[test]
fn models_that_cannot_be_pulled_are_refused_with_advice() {
    let cache = tempfile::tempdir().unwrap();
    let refused = |hub: &Hub, name: &str, code: i32, words_of: &str| {
        let output = hub.pull(cache.path(), name);
        assert_eq!(output.status.code(), Some(code), "{name}: {}", words(&output));
        assert!(words(&output).contains(words_of), "{name}: {}", words(&output));
    };
    let whole = Hub::start(Fault::Nothing);
    refused(&whole, "gpt2", 2, "write OWNER/NAME");
    refused(&whole, "../../etc", 2, "write OWNER/NAME");
    refused(&whole, "owner/other", 1, "check the name");
    refused(&whole, "owner/tiny/other.gguf", 1, "no such file");
    let of = |files: &[&str]| Hub::with(files.iter().map(|file| (*file).to_owned()).collect(), Fault::Nothing);
    refused(
        &of(&["config.json", "pytorch_model.bin"]),
        "owner/tiny",
        1,
        "may run code",
    );
    refused(
        &of(&["config.json", "model.safetensors"]),
        "owner/tiny",
        1,
        "has no tokenizer.json",
    );
    refused(
        &of(&["a.gguf", "b.gguf"]),
        "owner/tiny",
        1,
        "name one of a.gguf, b.gguf",
    );
    assert_eq!(files_below(cache.path(), ""), Vec::<String>::new());
}

#[test]
fn offline_mode_sends_no_request() {
    let (hub, cache) = (Hub::start(Fault::Nothing), tempfile::tempdir().unwrap());
    let mut command = hub.command(cache.path(), &["model", "pull", "owner/tiny"]);
    let output = command.env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).contains("HF_HUB_OFFLINE"), "{}", words(&output));
    assert_eq!(hub.requests(), Vec::<String>::new());
}

#[test]
fn a_missing_model_is_named_with_the_command_that_pulls_it() {
    let (hub, cache) = (Hub::start(Fault::Nothing), tempfile::tempdir().unwrap());
    let output = hub
        .command(cache.path(), &["model", "info", "--model", "owner/tiny"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        words(&output).contains("fovea model pull owner/tiny"),
        "{}",
        words(&output)
    );
}
