//! The program itself, over stdin and stdout, with the embedded model.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::editor::at;
use crate::program::{Program, URI};

/// A text that documents contain and the log must not contain.
const CANARY: &str = "c4n4ryQuux";

#[test]
fn exit_ends_the_process_with_stdin_open() {
    let program = Program::initialized(Value::Null);
    program.finish();
    // Without shutdown, while the model is being loaded.
    let mut program = Program::initialized(Value::Null);
    program.open("fn a() {}");
    program.notify("exit", Value::Null);
    let start = Instant::now();
    assert_eq!(program.end().0.code(), Some(1));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_end_of_stdin_ends_the_process() {
    let mut program = Program::initialized(Value::Null);
    program.input = None;
    assert_eq!(program.end().0.code(), Some(1));
}

#[test]
fn a_document_that_crashes_its_grammar_is_split_by_its_lines_and_the_status_says_so() {
    let mut program = Program::start();
    program.greet(json!({"experimental": {"fovea": true}}), json!({"debounceMs": 0}));
    let uri = "file:///project/a.rb";
    let mut names: Vec<String> = ["A", "B", "C", "D", "E"].iter().map(|name| name.repeat(199)).collect();
    names.push("FFFF".to_owned());
    let opened: Vec<String> = names.iter().map(|name| format!("<<{name}")).collect();
    let bodies: String = names.iter().map(|name| format!("t\n{name}\n")).collect();
    let document = json!({
        "uri": uri, "languageId": "ruby", "version": 1, "text": format!("x({})\n{bodies}", opened.join(", ")),
    });
    program.notify("textDocument/didOpen", json!({"textDocument": document}));
    let status = program.told("fovea/status", |status| status["unparsed"].is_array());
    assert_eq!(status["unparsed"][0]["uri"], uri);
    let reason = status["unparsed"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("crashed") && reason.contains("by its lines"),
        "{reason}"
    );
    program.told("fovea/heat", |heat| heat["uri"] == uri && heat["complete"] == true);
    program.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": "def open_file(path)\n  path\nend\n"}]}),
    );
    program.told("fovea/status", |status| status["unparsed"].is_null());
    program.finish();
}

#[test]
fn no_document_text_reaches_the_log() {
    let mut program = Program::initialized(json!({"log": {"level": "trace"}, "debounceMs": 0}));
    program.open(&format!("fn {CANARY}() {{ let {CANARY} = \"{CANARY}\"; }}\n"));
    for _ in 0..50 {
        if program.request("textDocument/hover", at(URI, 0, 4))["result"].is_object() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let text = json!({"uri": URI, "version": 2});
    for changes in [
        json!([{"text": 3, CANARY: CANARY}]),
        json!(CANARY),
        json!([{"range": CANARY, "text": CANARY}]),
    ] {
        program.notify(
            "textDocument/didChange",
            json!({"textDocument": text, "contentChanges": changes}),
        );
    }
    program.frame(format!("{{\"jsonrpc\": \"2.0\", \"method\": {CANARY}").as_bytes());
    program.frame(format!("{{\"jsonrpc\": \"2.0\", \"method\": [\"{CANARY}\"], \"id\": 1}}").as_bytes());
    program.frame(format!("{{\"jsonrpc\": \"2.0\", \"id\": \"{CANARY}\", \"result\": \"{CANARY}\"}}").as_bytes());
    program.request("textDocument/hover", json!({"textDocument": CANARY}));
    program.request(
        "workspace/executeCommand",
        json!({"command": CANARY, "arguments": [CANARY]}),
    );
    let passages = json!([{"text": CANARY}, {"text": CANARY}]);
    program.request(
        "workspace/executeCommand",
        json!({"command": "fovea.comparePassages", "arguments": passages}),
    );
    program.notify(
        "workspace/didChangeConfiguration",
        json!({"settings": {"fovea": {"method": CANARY}}}),
    );
    let errors = program.finish();
    assert!(errors.contains("fovea::"), "there is no log: {errors}");
    assert!(!errors.contains(CANARY), "{errors}");
}

#[test]
fn a_server_whose_editor_is_gone_ends() {
    let mut editor = Command::new("true").spawn().unwrap();
    editor.wait().unwrap();
    let mut program = Program::start();
    program.request("initialize", json!({"processId": editor.id(), "capabilities": {}}));
    assert_eq!(program.end().0.code(), Some(1));
}

#[test]
fn the_embedded_model_explains_a_word() {
    let mut program = Program::initialized(json!({"hover": {"deadlineMs": 60_000}}));
    program
        .open("/// Reads the configuration file.\nfn load_config(path: &Path) -> Config {\n    parse(read(path))\n}\n");
    let answer = program.request("textDocument/hover", at(URI, 1, 5));
    let text = answer["result"]["contents"]["value"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        text.starts_with("`load_config` is the most telling word of this function; the model reads it with "),
        "{answer}"
    );
    program.finish();
}

#[test]
fn results_survive_the_process_even_if_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("editor.rs");
    let heat = |kill: bool| {
        let mut program = Program::start_in(folder.path());
        program.greet(json!({"experimental": {"fovea": true}}), Value::Null);
        program.open(text);
        let heat = program.heat();
        if kill {
            program.child.kill().unwrap();
            program.child.wait().unwrap();
        } else {
            let errors = program.finish();
            assert!(!errors.contains("WARN"), "{errors}");
        }
        heat
    };
    let first = heat(false);
    assert_eq!(heat(true), first);
    assert_eq!(heat(false), first);
    let doctor = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .arg("doctor")
        .env("FOVEA_CACHE_DIR", folder.path())
        .output()
        .unwrap();
    let lines = String::from_utf8(doctor.stdout).unwrap();
    let line = lines.lines().find(|line| line.starts_with("results: ")).unwrap();
    assert!(
        line.contains("results.sqlite") && line.ends_with(" rows, intact"),
        "{line}"
    );
    assert!(doctor.status.success());
}

#[test]
fn the_workspace_is_indexed_searched_linked_and_compared() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(root.join(name), text).unwrap();
        format!("file://{}", root.join(name).display())
    };
    let closed = write(
        "settings.py",
        "def load_config(path):\n    \"\"\"Read the configuration from a file.\"\"\"\n    with open(path) as file:\n        return parse_config(file.read())\n",
    );
    write(
        "sort.py",
        "def sort_numbers(numbers):\n    \"\"\"Sort numbers in place, the largest first.\"\"\"\n    numbers.sort(reverse=True)\n    return numbers\n",
    );
    let text = "/// Reads the configuration from a file.\nfn load_config(path: &Path) -> Config {\n    parse_config(&std::fs::read_to_string(path))\n}\n";
    let open = write("config.rs", text);
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start_in(folder.path());
    let capabilities = json!({"experimental": {"fovea": {"status": true}}});
    // Functions as short as these are no news to their readers.
    let options = json!({"index.onBattery": true, "debounceMs": 0, "lens.detail": "all"});
    let hello = json!({"capabilities": capabilities, "initializationOptions": options, "rootUri": format!("file://{}", root.display())});
    program.request("initialize", hello);
    program.notify("initialized", json!({}));
    let document = json!({"uri": open, "languageId": "rust", "version": 1, "text": text});
    program.notify("textDocument/didOpen", json!({"textDocument": document}));
    let status = program.told("fovea/status", |status| status["index"]["state"] == "ready");
    assert_eq!(status["index"]["items"], 3, "{status}");
    // The search is by meaning: the file contains none of the words of the query.
    let symbols = program.request("workspace/symbol", json!({"query": "order values descending"}));
    assert_eq!(symbols["result"][0]["name"], "sort_numbers", "{symbols}");
    let search = |kinds: Value, languages: Value| {
        let asked = json!({"query": "order values descending", "kinds": kinds, "languages": languages});
        json!({"command": "fovea.search", "arguments": [asked]})
    };
    for (kinds, languages, found) in [
        (json!(["function"]), json!(["python"]), json!("sort_numbers")),
        // An unrelated item is not found, even if there is no better one.
        (json!(["function"]), json!(["rust"]), Value::Null),
        (json!(["heading"]), json!([]), Value::Null),
    ] {
        let answer = program.request("workspace/executeCommand", search(kinds, languages));
        assert_eq!(answer["result"][0]["name"], found, "{answer}");
    }
    let lenses = json!({"textDocument": {"uri": open}});
    let lenses = program.until("textDocument/codeLens", &lenses, |lenses| lenses[0].is_object());
    let lens = program.request("codeLens/resolve", lenses[0].clone());
    let similar = &lens["result"]["command"]["arguments"][0]["similar"][0];
    assert_eq!(
        (&similar["name"], &similar["uri"]),
        (&json!("load_config"), &json!(closed))
    );
    let here =
        json!({"uri": open, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 3, "character": 1}}});
    let there = json!({"uri": similar["uri"], "range": similar["range"]});
    let compare = json!({"command": "fovea.comparePassages", "arguments": [here, there]});
    let pair = program.request("workspace/executeCommand", compare);
    let (cosine, pairs) = (&pair["result"]["cosine"], pair["result"]["pairs"].as_array().unwrap());
    let sum: f64 = pairs
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|part| part.as_f64().unwrap())
        .sum();
    assert!((sum - cosine.as_f64().unwrap()).abs() < 2e-3, "{sum} {cosine}");
    // The score of the lens is the centered cosine; the comparison splits that one, too.
    let centered = pair["result"]["centered"]["cosine"].as_f64().unwrap();
    assert!(
        (centered - similar["score"].as_f64().unwrap()).abs() < 0.02,
        "{centered} {similar}"
    );
    program.finish();
}

#[test]
fn the_index_waits_for_mains_power_unless_a_setting_allows_battery() {
    let folder = tempfile::tempdir().unwrap();
    let battery = folder.path().join("power/BAT0");
    std::fs::create_dir_all(&battery).unwrap();
    std::fs::write(battery.join("type"), "Battery\n").unwrap();
    std::fs::write(battery.join("status"), "Discharging\n").unwrap();
    let root = tempfile::tempdir().unwrap();
    std::fs::write(
        root.path().join("a.py"),
        "def load(path):\n    return open(path).read()\n",
    )
    .unwrap();
    let mut program = Program::start_in(folder.path());
    let capabilities = json!({"experimental": {"fovea": {"status": true}}});
    let root = format!("file://{}", root.path().canonicalize().unwrap().display());
    program.request("initialize", json!({"capabilities": capabilities, "rootUri": root}));
    program.notify("initialized", json!({}));
    program.told("fovea/status", |status| status["index"]["state"] == "battery");
    let settings = json!({"settings": {"fovea": {"index.onBattery": true}}});
    program.notify("workspace/didChangeConfiguration", settings);
    let status = program.told("fovea/status", |status| status["index"]["state"] == "ready");
    assert_eq!(status["index"]["items"], 1, "{status}");
    program.finish();
}

/// Candle computes large tensors on its own threads, which spin while they wait: an explanation would take a quarter longer.
#[cfg(target_os = "linux")]
#[test]
fn neither_reading_nor_explaining_starts_threads_of_candle() {
    let mut program = Program::start();
    program.greet(
        json!({"experimental": {"fovea": true}}),
        json!({"debounceMs": 0, "method": "alti"}),
    );
    program.open(include_str!("program.rs"));
    program.heat();
    let settings = json!({"settings": {"fovea": {"method": "decomposition"}}});
    program.notify("workspace/didChangeConfiguration", settings);
    program.heat();
    program.request("textDocument/hover", at(URI, 20, 8));
    let passages = json!([{"text": include_str!("main.rs")}, {"text": include_str!("main.rs")}]);
    let compare = json!({"command": "fovea.comparePassages", "arguments": passages});
    assert!(program.request("workspace/executeCommand", compare)["result"].is_object());
    let tasks = format!("/proc/{}/task", program.child.id());
    let names: Vec<String> = std::fs::read_dir(tasks)
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("fovea")), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("candle")), "{names:?}");
    program.finish();
}
