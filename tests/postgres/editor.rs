//! A team's store in an editor: an open document finds items that the team's job indexed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fovea::model::UNSTOPPED;
use fovea::similar::index::postgres::{Folder, Link};
use fovea::similar::index::{Collection, Filter, Limits};
use serde_json::{Value, json};

use crate::program::{Program, URI};
use crate::{MODEL, Server, job, query, reader, write};

const THERE: &str = "fn read_settings(file: &Path) -> Result<Settings, Error> {\n    let content = std::fs::read_to_string(file)?;\n    let parsed: Settings = toml::from_str(&content)?;\n    parsed.validate()?;\n    Ok(parsed)\n}\n";
const HERE: &str = "fn load_settings(path: &Path) -> Result<Settings, Error> {\n    let text = std::fs::read_to_string(path)?;\n    let settings: Settings = toml::from_str(&text)?;\n    settings.validate()?;\n    Ok(settings)\n}\n";

fn index(folder: &Path, server: &Server, more: &[&str]) {
    let address = server.address("postgres");
    let output = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .arg("index")
        .arg(folder)
        .args(["--store", &address])
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Starts a language server whose user has an address in the configuration.
fn editor(folder: &Path, address: &str) -> Program {
    editor_of(folder, address, 0o600)
}

fn editor_of(folder: &Path, address: &str, mode: u32) -> Program {
    let configured = folder.join("configuration/fovea");
    std::fs::create_dir_all(&configured).unwrap();
    let file = configured.join("store");
    std::fs::write(&file, format!("{address}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let mut program = Program::start_in(folder);
    let window = json!({"showDocument": {"support": true}});
    let capabilities = json!({"experimental": {"fovea": {"status": true}}, "window": window});
    program.greet(capabilities, json!({"debounceMs": 0}));
    program.open(HERE);
    program
}

#[test]
fn an_editor_finds_what_the_teams_job_indexed_and_opens_its_page() {
    let Some(server) = Server::start(None) else { return };
    let team = tempfile::tempdir().unwrap();
    write(team.path(), "src/settings.rs", &format!("// Settings.\n{THERE}"));
    let pattern = "https://git.example/backend/blob/main/{path}#L{line}";
    index(team.path(), &server, &["--as", "team/backend", "--link", pattern]);
    let folder = tempfile::tempdir().unwrap();
    let mut program = editor(folder.path(), &server.address("postgres"));
    let document = json!({"textDocument": {"uri": URI}});
    let lenses = program.until("textDocument/codeLens", &document, |lenses| lenses[0].is_object());
    let lens = program.request("codeLens/resolve", lenses[0].clone());
    let command = &lens["result"]["command"];
    let title = command["title"].as_str().unwrap();
    assert!(
        title.ends_with("read_settings · team/backend: src/settings.rs"),
        "{title}"
    );
    let similar = &command["arguments"][0]["similar"][0];
    let page = "https://git.example/backend/blob/main/src/settings.rs#L2";
    assert_eq!(similar["uri"], page);
    assert_eq!(
        similar["store"],
        json!({"folder": "team/backend", "path": "src/settings.rs"})
    );
    // The command opens the page in the browser.
    program.send("workspace/executeCommand", command);
    let shown = program.told("window/showDocument", |_| true);
    assert_eq!(shown, json!({"uri": page, "external": true, "takeFocus": true}));
    let doctor = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .arg("doctor")
        .env("FOVEA_CACHE_DIR", folder.path())
        .env("XDG_CONFIG_HOME", folder.path().join("configuration"))
        .output()
        .unwrap();
    let lines = String::from_utf8(doctor.stdout).unwrap();
    assert!(
        lines.contains("\nstore: index on ") && lines.contains(", 1 items, answered in "),
        "{lines}"
    );
    // A hover names the item. It cannot be compared, because its text is not on this machine.
    let hover = json!({"textDocument": {"uri": URI}, "position": {"line": 0, "character": 5}});
    let hover = program.request("textDocument/hover", hover);
    let text = hover["result"]["contents"]["value"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        text.contains("`read_settings`") && text.contains("team/backend: src/settings.rs:2"),
        "{text}"
    );
    let range = json!({"start": {"line": 0, "character": 5}, "end": {"line": 0, "character": 5}});
    let at = json!({"textDocument": {"uri": URI}, "range": range, "context": {"diagnostics": []}});
    let actions = program.request("textDocument/codeAction", at);
    let titles: Vec<&Value> = actions["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| &action["title"])
        .collect();
    assert_eq!(titles.len(), 1, "{titles:?}");
    assert!(
        titles[0]
            .as_str()
            .unwrap()
            .starts_with("Go to similar: `read_settings`")
    );
    // A search includes the store.
    let search = json!({"command": "fovea.search", "arguments": ["read the configuration from a file"]});
    let found = program.request("workspace/executeCommand", search);
    let all = found["result"].as_array().unwrap();
    let in_store: Vec<&Value> = all.iter().filter(|item| item["store"].is_object()).collect();
    assert!(in_store.len() == 1 && in_store[0]["uri"] == page, "{found}");
    program.finish();
}

/// Requests lenses repeatedly, as an editor does, so that the server queries the store.
///
/// It first waits until the document is analyzed, which takes as long as loading the model.
fn wants_lenses(program: &mut Program, hover: &Value) {
    while !program.request("textDocument/hover", hover.clone())["result"].is_object() {
        std::thread::sleep(Duration::from_millis(100));
    }
    for _ in 0..20 {
        program.send("textDocument/codeLens", &json!({"textDocument": {"uri": URI}}));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_editor_with_an_unreachable_store_is_informed_and_continues() {
    let Some(server) = Server::start(None) else { return };
    let address = server.address("postgres");
    let folder = tempfile::tempdir().unwrap();
    server.kill();
    let mut program = editor(folder.path(), &address);
    let hover = json!({"textDocument": {"uri": URI}, "position": {"line": 0, "character": 5}});
    wants_lenses(&mut program, &hover);
    let status = program.told("fovea/status", |status| status["store"]["state"] == "away");
    let why = status["store"]["why"].as_str().unwrap();
    assert!(why.contains("cannot be reached") && !why.contains(&address), "{why}");
    let hover = program.request("textDocument/hover", hover);
    assert!(hover["result"].is_object(), "{hover}");
    program.finish();
}

#[test]
fn an_address_that_others_can_read_is_not_used_and_the_editor_continues() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = editor_of(folder.path(), "postgres://somebody:secret@db.example/code", 0o644);
    let hover = json!({"textDocument": {"uri": URI}, "position": {"line": 0, "character": 5}});
    wants_lenses(&mut program, &hover);
    let status = program.told("fovea/status", |status| status["store"]["state"] == "away");
    let store = status["store"].to_string();
    assert!(
        store.contains("configuration/fovea/store") && store.contains("others"),
        "{store}"
    );
    assert!(!store.contains("secret"), "{store}");
    assert!(program.request("textDocument/hover", hover)["result"].is_object());
    program.finish();
}

#[test]
fn a_link_survives_later_renewals_and_only_web_links_are_used() {
    let Some(server) = Server::start(None) else { return };
    let root = crate::folder(1);
    let link = Link::new("https://git.example/{path}#{line}").unwrap();
    let renew = |link| {
        let folder = Folder {
            path: root.path(),
            name: Some("one"),
            link,
        };
        job(&server)
            .renew(&MODEL, folder, &Limits::default(), UNSTOPPED, |_| {})
            .unwrap();
    };
    let page = || {
        let query = query("sum");
        let found = reader(&server, None).search(&query, &Filter::default(), 1).unwrap();
        found[0].link.clone()
    };
    renew(None);
    assert_eq!(page(), None);
    renew(Some(&link));
    renew(None);
    assert_eq!(page().as_deref(), Some("https://git.example/src/f0.rs#1"));
    // Other people write to a store, so its links are checked.
    server
        .admin()
        .batch_execute("UPDATE fovea.roots SET link = 'file:///etc/{path}'")
        .unwrap();
    assert_eq!(page(), None);
}
