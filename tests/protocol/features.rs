//! Hover, highlights, lenses, actions and commands.

use serde_json::{Value, json};

use crate::editor::{Editor, at, range};

const A: &str = "file:///project/src/a.rs";
const B: &str = "file:///project/src/config.py";

pub const RUST: &str = "\
fn load_config(path: &Path) -> Config {
    parse(read(path))
}

fn unrelated() {}
";
pub const PYTHON: &str = "\
def other(x):
    pass

def load_config(path: Path) -> Config:
    return parse(read(path))
";

fn plain() -> Value {
    json!({
        "window": {"showDocument": {"support": true}, "showMessage": {}},
        "textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}}},
    })
}

async fn two_documents(capabilities: Value) -> Editor {
    let options = json!({"debounceMs": 0, "codeLens": {"minSimilarity": 0.1}, "lens": {"detail": "all"}});
    two_documents_with(capabilities, options).await
}

async fn two_documents_with(capabilities: Value, options: Value) -> Editor {
    let mut editor = Editor::start_with(capabilities, options).await;
    editor.open(A, "rust", RUST).await;
    editor.open(B, "python", PYTHON).await;
    editor.analyzed(A, 0, 4).await;
    editor.lenses(A).await;
    editor
}

#[tokio::test]
async fn a_hover_explains_the_word() {
    let mut editor = two_documents(plain()).await;
    let hover = editor.request("textDocument/hover", at(A, 1, 6)).await;
    insta::assert_json_snapshot!(hover);
    for (line, character) in [(0, 2), (1, 0), (2, 1), (3, 0), (99, 99)] {
        let hover = editor.request("textDocument/hover", at(A, line, character)).await;
        if line != 99 && line != 2 && (line, character) != (0, 2) {
            assert_eq!(hover, Value::Null, "{line}:{character}");
        }
    }
    assert_eq!(
        editor.request("textDocument/hover", at("file:///closed", 0, 0)).await,
        Value::Null
    );
    editor.finish().await;
}

#[tokio::test]
async fn a_hover_is_plain_text_where_the_client_has_no_markdown() {
    let capabilities = json!({"textDocument": {"hover": {"contentFormat": ["plaintext"]}}});
    let mut editor = two_documents(capabilities).await;
    let hover = editor.request("textDocument/hover", at(A, 1, 6)).await;
    assert_eq!(hover["contents"]["kind"], "plaintext");
    editor.finish().await;
}

#[tokio::test]
async fn a_hover_says_what_is_not_understood() {
    let mut editor = Editor::start(json!({})).await;
    let uri = "file:///project/a.md";
    editor.open(uri, "markdown", "我爱编程\n").await;
    editor.analyzed(uri, 0, 0).await;
    let hover = editor.request("textDocument/hover", at(uri, 0, 0)).await;
    insta::assert_json_snapshot!(hover["contents"]["value"]);
    editor.finish().await;
}

#[tokio::test]
async fn highlights_show_what_a_word_draws_on() {
    let mut editor = two_documents(plain()).await;
    let highlights = editor.request("textDocument/documentHighlight", at(A, 1, 6)).await;
    let words = words_of(&highlights, "kind");
    insta::assert_debug_snapshot!(words);
    let off = editor
        .request("workspace/executeCommand", json!({"command": "fovea.toggleHighlight"}))
        .await;
    assert_eq!(off, json!({"enabled": false}));
    assert_eq!(
        editor.told("window/showMessage").await["message"],
        "Fovea: Highlights off"
    );
    assert_eq!(
        editor.request("textDocument/documentHighlight", at(A, 1, 6)).await,
        Value::Null
    );
    editor.finish().await;
}

#[tokio::test]
async fn lenses_name_what_is_similar_and_open_it() {
    let mut editor = two_documents(plain()).await;
    let lenses = editor.lenses(A).await;
    assert_eq!(lenses[0]["range"], range((0, 3), (0, 14)));
    assert!(lenses[0]["data"].is_object());
    let lens = editor.request("codeLens/resolve", lenses[0].clone()).await;
    insta::assert_json_snapshot!(lens);
    let command = json!({"command": lens["command"]["command"], "arguments": lens["command"]["arguments"]});
    let id = editor.ask("workspace/executeCommand", command).await;
    let shown = editor.asked("window/showDocument", json!({"success": true})).await;
    assert_eq!(shown["uri"], B);
    assert_eq!(shown["selection"], range((3, 4), (3, 15)));
    assert_eq!(editor.answer(id).await["result"]["shown"], 0);
    editor.finish().await;
}

#[tokio::test]
async fn a_lens_of_an_old_version_is_refused() {
    let mut editor = two_documents(plain()).await;
    let lenses = editor.lenses(A).await;
    editor
        .change(A, 2, json!([{"range": range((0, 0), (0, 0)), "text": "\n"}]))
        .await;
    assert_eq!(editor.refused("codeLens/resolve", lenses[0].clone()).await.0, -32801);
    assert_eq!(
        editor
            .refused("codeLens/resolve", json!({"range": range((0, 0), (0, 1))}))
            .await
            .0,
        -32602
    );
    let moved = editor.lenses(A).await;
    assert_eq!(moved[0]["range"], range((1, 3), (1, 14)));
    editor.finish().await;
}

#[tokio::test]
async fn lenses_are_refreshed_after_an_analysis() {
    let refresh = json!({"workspace": {"codeLens": {"refreshSupport": true}}});
    let mut editor = Editor::start_with(refresh, json!({"debounceMs": 0})).await;
    editor.open(A, "rust", RUST).await;
    editor.asked("workspace/codeLens/refresh", Value::Null).await;
    editor.open(B, "python", PYTHON).await;
    editor.analyzed(B, 0, 4).await;
    editor.asked("workspace/codeLens/refresh", Value::Null).await;
    editor.ignore("workspace/codeLens/refresh");
    editor.finish().await;
}

#[tokio::test]
async fn actions_are_of_our_own_kind() {
    let mut editor = two_documents(plain()).await;
    let ask = |only: Value, from, to| json!({"textDocument": {"uri": A}, "range": range(from, to), "context": {"diagnostics": [], "only": only}});
    let actions = editor
        .request("textDocument/codeAction", ask(Value::Null, (1, 4), (1, 9)))
        .await;
    insta::assert_json_snapshot!(actions);
    let none = editor
        .request("textDocument/codeAction", ask(json!(["quickfix"]), (1, 4), (1, 9)))
        .await;
    assert_eq!(none, json!([]));
    let elsewhere = editor
        .request("textDocument/codeAction", ask(Value::Null, (3, 0), (3, 0)))
        .await;
    assert_eq!(elsewhere, json!([]));
    editor.finish().await;
}

#[tokio::test]
async fn actions_carry_their_command_even_where_the_client_could_resolve_it() {
    let action = json!({
        "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
        "dataSupport": true,
        "resolveSupport": {"properties": ["edit", "command"]},
    });
    let mut editor = two_documents(json!({"textDocument": {"codeAction": action}})).await;
    let context = json!({"diagnostics": []});
    let params = json!({"textDocument": {"uri": A}, "range": range((0, 3), (0, 3)), "context": context});
    let actions = editor.request("textDocument/codeAction", params).await;
    assert_eq!(actions[0]["command"]["command"], "fovea.showSimilar", "{actions}");
    editor.finish().await;
}

#[tokio::test]
async fn clients_without_action_literals_get_commands() {
    let mut editor = two_documents(json!({})).await;
    let params = json!({"textDocument": {"uri": A}, "range": range((0, 3), (0, 3)), "context": {"diagnostics": []}});
    let actions = editor.request("textDocument/codeAction", params).await;
    assert_eq!(actions[0]["command"], "fovea.showSimilar");
    editor.finish().await;
}

#[tokio::test]
async fn several_similar_items_are_a_choice() {
    let mut editor = two_documents(plain()).await;
    let item = |line: u32, name: &str| {
        json!({"uri": B, "range": range((line, 0), (line, 9)), "selection": range((line, 0), (line, 1)), "name": name,
            "kind": "function", "language": "python", "score": 0.8})
    };
    let argument =
        json!({"uri": A, "range": range((0, 3), (0, 3)), "name": "mine", "similar": [item(1, "a"), item(2, "b")]});
    let params = json!({"command": "fovea.showSimilar", "arguments": [argument]});
    let id = editor.ask("workspace/executeCommand", params.clone()).await;
    let choice = editor
        .asked(
            "window/showMessageRequest",
            json!({"title": "0.80 b · src/config.py:3"}),
        )
        .await;
    assert_eq!(choice["actions"][0]["title"], "0.80 a · src/config.py:2");
    let shown = editor.asked("window/showDocument", json!({"success": true})).await;
    assert_eq!(shown["selection"]["start"]["line"], 2);
    assert_eq!(editor.answer(id).await["result"]["shown"], 1);
    // The user chooses nothing.
    let id = editor.ask("workspace/executeCommand", params).await;
    editor.asked("window/showMessageRequest", Value::Null).await;
    assert_eq!(editor.answer(id).await["result"]["shown"], Value::Null);
    editor.finish().await;
}

#[tokio::test]
async fn a_client_of_our_own_gets_the_list_and_no_messages() {
    let mut editor = two_documents(json!({"experimental": {"fovea": {"heat": false}}})).await;
    let argument = json!({"uri": A, "range": range((1, 4), (1, 4))});
    let params = json!({"command": "fovea.showSimilar", "arguments": [argument]});
    let answer = editor.request("workspace/executeCommand", params).await;
    assert_eq!(answer["name"], "load_config");
    assert_eq!(answer["similar"][0]["name"], "load_config");
    assert_eq!(answer["similar"][0]["language"], "python");
    let pair = [
        json!({"uri": A, "range": range((0, 3), (0, 14))}),
        json!({"text": "load_config", "language": "python"}),
    ];
    let pair = editor
        .request(
            "workspace/executeCommand",
            json!({"command": "fovea.comparePassages", "arguments": pair}),
        )
        .await;
    insta::assert_json_snapshot!(pair);
    let explained = editor
        .request("fovea/explain", json!({"textDocument": {"uri": A}}))
        .await;
    assert_eq!(explained["units"][0]["kind"], "function");
    assert_eq!(explained["language"], "rust");
    assert_eq!(explained["file"], "/project/src/a.rs");
    assert_eq!(
        editor
            .refused("fovea/explain", json!({"textDocument": {"uri": "file:///closed"}}))
            .await
            .0,
        -32602
    );
    editor.finish().await;
}

#[tokio::test]
async fn clients_without_an_interface_get_the_essence_as_a_message() {
    let mut editor = two_documents(plain()).await;
    let pair = [json!({"text": "load config"}), json!({"text": "load settings"})];
    editor
        .request(
            "workspace/executeCommand",
            json!({"command": "fovea.comparePassages", "arguments": pair}),
        )
        .await;
    assert_eq!(
        editor.told("window/showMessage").await["message"],
        "Fovea: similarity 0.50. Both use load."
    );
    let selection = json!([{"uri": A, "range": range((1, 4), (1, 9))}]);
    editor
        .request(
            "workspace/executeCommand",
            json!({"command": "fovea.explainSelection", "arguments": selection}),
        )
        .await;
    assert_eq!(
        editor.told("window/showMessage").await["message"],
        "Fovea: parse 80.0 % (decomposition)"
    );
    editor.finish().await;
}

#[tokio::test]
async fn the_judgment_of_an_explanation_is_a_message_for_clients_without_an_interface() {
    let mut editor = two_documents(plain()).await;
    let asked = json!([{"uri": A, "position": {"line": 1, "character": 5}}]);
    let command = json!({"command": "fovea.trust", "arguments": asked});
    let answer = editor.request("workspace/executeCommand", command).await;
    assert_eq!(answer["verdict"], "holds");
    assert_eq!(
        (&answer["marked"], &answer["random"], &answer["ratio"], &answer["curve"]),
        (&json!(0.5), &json!(0.25), &json!(2.0), &json!([[1, 0.25], [2, 0.5]]))
    );
    let told = editor.told("window/showMessage").await["message"].clone();
    let sentence = answer["sentence"].as_str().unwrap();
    assert_eq!(told, format!("Fovea: {sentence}"));
    let (start, end) = (&answer["range"]["start"], &answer["range"]["end"]);
    assert!(
        start["line"].as_u64() <= Some(1) && end["line"].as_u64() >= Some(1),
        "{answer}"
    );
    editor.finish().await;
}

#[tokio::test]
async fn a_comparison_and_an_answer_are_judged_as_a_unit_is() {
    let mut editor = two_documents(json!({"experimental": {"fovea": {"heat": false}}})).await;
    let trust = async |editor: &mut Editor, asked: Value| {
        let command = json!({"command": "fovea.trust", "arguments": [asked]});
        editor.request("workspace/executeCommand", command).await
    };
    let line = range((1, 0), (1, 12));
    let both = json!({"a": {"uri": A, "range": line}, "b": {"text": "read the settings"}});
    let compared = trust(&mut editor, both).await;
    assert_eq!(
        (&compared["target"], &compared["range"]),
        (&json!("similarity"), &Value::Null)
    );
    let asked = json!({"question": "what is read?", "uri": A, "range": line, "within": range((0, 0), (2, 1))});
    let answered = trust(&mut editor, asked.clone()).await;
    assert_eq!(
        (&answered["target"], &answered["verdict"]),
        (&json!("answer"), &json!("holds"))
    );
    let mut nothing = asked;
    nothing["question"] = json!("?");
    let command = json!({"command": "fovea.trust", "arguments": [nothing]});
    let (_, refused) = editor.refused("workspace/executeCommand", command).await;
    assert!(refused.contains("no words"), "{refused}");
    editor.finish().await;
}

#[tokio::test]
async fn a_refused_command_is_a_message_for_clients_that_show_no_errors_of_commands() {
    let mut editor = two_documents(plain()).await;
    let command = json!({"command": "fovea.search", "arguments": [""]});
    let (_, refused) = editor.refused("workspace/executeCommand", command).await;
    let told = editor.told("window/showMessage").await;
    assert_eq!(
        (&told["type"], &told["message"]),
        (&json!(1), &json!(format!("Fovea: {refused}")))
    );
    editor.finish().await;
}

#[tokio::test]
async fn commands_say_what_is_wrong_with_them() {
    let mut editor = two_documents(json!({"experimental": {"fovea": {"heat": false}}})).await;
    let mut wrong = async |command: &str, arguments: Value| {
        editor
            .refused(
                "workspace/executeCommand",
                json!({"command": command, "arguments": arguments}),
            )
            .await
    };
    let messages = [
        wrong("fovea.nonsense", json!([])).await,
        wrong("fovea.showSimilar", json!([])).await,
        wrong("fovea.showSimilar", json!([3])).await,
        wrong(
            "fovea.showSimilar",
            json!([{"uri": "file:///closed", "range": range((0, 0), (0, 0))}]),
        )
        .await,
        wrong("fovea.comparePassages", json!([{"text": "one"}])).await,
        wrong("fovea.comparePassages", json!([{"text": "one"}, {"text": " "}])).await,
        wrong(
            "fovea.explainSelection",
            json!([{"uri": A, "range": range((0, 0), (0, 0))}]),
        )
        .await,
        wrong("fovea.trust", json!([{"uri": A}])).await,
        wrong("fovea.setMethod", json!(["leave-one-out"])).await,
        wrong("fovea.setMethod", json!(["vibes"])).await,
        wrong("fovea.setMethod", json!([])).await,
        wrong("fovea.toggleHeat", json!(["perhaps"])).await,
    ];
    insta::assert_debug_snapshot!(messages);
    editor.finish().await;
}

#[tokio::test]
async fn pause_stops_the_model_and_resume_restarts_it() {
    let mut editor = Editor::start_with(json!({}), json!({"hover": {"deadlineMs": 100}})).await;
    editor
        .request("workspace/executeCommand", json!({"command": "fovea.pause"}))
        .await;
    editor.open(A, "rust", RUST).await;
    assert_eq!(editor.request("textDocument/hover", at(A, 0, 4)).await, Value::Null);
    editor
        .request("workspace/executeCommand", json!({"command": "fovea.resume"}))
        .await;
    editor.analyzed(A, 0, 4).await;
    editor.finish().await;
}

/// The texts of ranges of [`RUST`], each with its field `what`.
fn words_of(list: &Value, what: &str) -> Vec<(String, i64)> {
    let text = |range: &Value| {
        let line = RUST
            .lines()
            .nth(range["start"]["line"].as_u64().unwrap() as usize)
            .unwrap();
        let column = |end: &str| range[end]["character"].as_u64().unwrap() as usize;
        line[column("start")..column("end")].to_owned()
    };
    let list = list.as_array().unwrap().iter();
    list.map(|one| (text(&one["range"]), one[what].as_i64().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_client_that_draws_what_a_word_draws_on_gets_occurrences_as_highlights() {
    let declared = json!({"experimental": {"fovea": {"drawsOn": true}}});
    let mut editor = two_documents(declared).await;
    let highlights = editor.request("textDocument/documentHighlight", at(A, 0, 16)).await;
    assert_eq!(
        words_of(&highlights, "kind"),
        [("path".to_owned(), 1), ("path".to_owned(), 1)]
    );
    let drawn = editor.request("fovea/drawsOn", at(A, 1, 6)).await;
    assert_eq!(drawn["version"], 1);
    assert_eq!(drawn["word"], range((1, 4), (1, 9)));
    let words = words_of(&drawn["words"], "strength");
    assert!(words.iter().any(|(_, strength)| *strength == 3), "{drawn}");
    assert!(words.iter().all(|(word, _)| word != "parse"), "{drawn}");
    // There is nothing to draw in a document that is not open, and if highlights are off.
    assert_eq!(
        editor.request("fovea/drawsOn", at("file:///closed", 0, 0)).await,
        Value::Null
    );
    editor
        .request("workspace/executeCommand", json!({"command": "fovea.toggleHighlight"}))
        .await;
    assert_eq!(editor.request("fovea/drawsOn", at(A, 1, 6)).await, Value::Null);
    editor.finish().await;
}

#[tokio::test]
async fn in_helix_highlights_are_occurrences_until_the_user_asks_for_attention() {
    let mut editor = Editor::connect();
    let params = json!({
        "processId": null,
        "rootUri": "file:///shop",
        "clientInfo": {"name": "helix", "version": "25.01"},
        "capabilities": plain(),
        "initializationOptions": {"debounceMs": 0},
    });
    editor.request("initialize", params).await;
    editor.notify("initialized", json!({})).await;
    editor.open(A, "rust", RUST).await;
    editor.analyzed(A, 0, 4).await;
    let kinds = async |editor: &mut Editor| {
        let told = editor.request("textDocument/documentHighlight", at(A, 1, 6)).await;
        words_of(&told, "kind")
    };
    assert_eq!(kinds(&mut editor).await, [("parse".to_owned(), 1)]);
    let actions = json!({"textDocument": {"uri": A}, "range": range((1, 6), (1, 6)), "context": {"diagnostics": []}});
    let actions = editor.request("textDocument/codeAction", actions).await;
    let offered = |action: &&Value| action["title"] == "Highlight what a word draws on, too";
    let action = actions.as_array().unwrap().iter().find(offered).unwrap();
    editor
        .request("workspace/executeCommand", action["command"].clone())
        .await;
    assert_eq!(
        editor.told("window/showMessage").await["message"],
        "Fovea: Attention in highlights on"
    );
    let kinds = kinds(&mut editor).await;
    assert!(kinds.len() > 1 && kinds.contains(&("parse".to_owned(), 1)), "{kinds:?}");
    editor.finish().await;
}

#[tokio::test]
async fn links_of_a_hover_carry_what_their_commands_need() {
    let declared = json!({"experimental": {"fovea": {"commandLinks": true}}});
    let mut editor = two_documents(declared).await;
    let hover = editor.request("textDocument/hover", at(A, 1, 6)).await;
    insta::assert_json_snapshot!(hover["contents"]["value"]);
    // Unremarkable words have no hover.
    assert_eq!(editor.request("textDocument/hover", at(A, 0, 1)).await, Value::Null);
    editor.finish().await;
}

#[tokio::test]
async fn a_comparison_comes_without_its_matrix_and_its_rows_one_by_one() {
    let mut editor = two_documents(json!({"experimental": {"fovea": {"drawsOn": true}}})).await;
    let ask = |options: Value| {
        let pair = json!([{"text": "load the config"}, {"text": "load settings"}, options]);
        json!({"command": "fovea.comparePassages", "arguments": pair})
    };
    let quick = editor
        .request("workspace/executeCommand", ask(json!({"pairs": false})))
        .await;
    assert_eq!(quick.get("pairs"), None);
    assert_eq!(quick["summary"], "Both use load.");
    let row = |side: &str, word: usize| ask(json!({"row": {"side": side, "word": word}}));
    let found = editor.request("workspace/executeCommand", row("a", 0)).await;
    let expected = json!({"side": "a", "word": 0, "scores": [0.5, 0.0], "special": 0.0, "bias": 0.0});
    assert_eq!(found, expected);
    let found = editor.request("workspace/executeCommand", row("b", 0)).await;
    assert_eq!(found["scores"], json!([0.5, 0.0, 0.0]));
    let refused = editor.refused("workspace/executeCommand", row("b", 2)).await;
    assert_eq!(refused.0, -32602);
    editor.finish().await;
}

#[tokio::test]
async fn a_query_that_nothing_is_close_to_is_answered_with_a_note() {
    let own = json!({"experimental": {"fovea": {"heat": false}}});
    let mut options = json!({"debounceMs": 0, "codeLens": {"minSimilarity": 0.1}, "lens": {"detail": "all"}});
    // An index that is still growing might contain something closer.
    options["index.enable"] = json!(false);
    let mut editor = two_documents_with(own, options).await;
    let search = |query: &str| {
        let argument = json!({"query": query, "notes": true});
        json!({"command": "fovea.search", "arguments": [argument]})
    };
    let far = editor
        .request("workspace/executeCommand", search("zebra xylophone"))
        .await;
    let note = far["notes"][0].as_str().unwrap_or_else(|| panic!("{far}"));
    assert!(note.starts_with("nothing here is close to this query"), "{note}");
    let near = editor.request("workspace/executeCommand", search("load_config")).await;
    assert_eq!(near["notes"], json!([]));
    editor.finish().await;
}

#[tokio::test]
async fn a_query_that_the_model_cannot_read_is_answered_with_a_note() {
    let search = |argument: Value| json!({"command": "fovea.search", "arguments": [argument]});
    // A client with an interface for Fovea gets notes if it asks for them, otherwise only the list.
    let own = json!({"experimental": {"fovea": {"heat": false}}});
    let mut editor = two_documents(own).await;
    let noted = search(json!({"query": "加载配置", "notes": true}));
    let answer = editor.request("workspace/executeCommand", noted).await;
    assert_eq!(answer["notes"], json!(["the model knows nothing of this query"]));
    assert!(answer["items"].is_array());
    let plain_query = search(json!({"query": "load_config", "notes": true}));
    let answer = editor.request("workspace/executeCommand", plain_query).await;
    assert_eq!(answer["notes"], json!([]));
    let listed = editor
        .request("workspace/executeCommand", search(json!({"query": "加载配置"})))
        .await;
    assert!(listed.is_array());
    for empty in ["", " ", "\u{200b}", "lang:rust", "\"\""] {
        let refused = editor.refused("workspace/executeCommand", search(json!(empty))).await;
        assert_eq!(refused.0, -32602, "{empty:?}");
    }
    editor.finish().await;
    // Any other client gets the note as a message.
    let mut editor = two_documents(json!({"window": {"showDocument": {"support": true}}})).await;
    editor
        .request("workspace/executeCommand", search(json!("加载配置")))
        .await;
    let told = editor.told("window/showMessage").await;
    assert_eq!(told["message"], "Fovea: the model knows nothing of this query");
    editor.ignore("window/showMessage");
    editor.ignore("window/showDocument");
    editor.finish().await;
}
