//! Interleaved edits and requests: every answer is about the text at the time of its request.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::editor::{Editor, at, range};

const URI: &str = "file:///project/a.txt";

/// A generator of the same pseudorandom numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_edits_and_questions_interleaved() {
    let mut editor = Editor::start_with(
        json!({"experimental": {"fovea": {"status": false}}}),
        json!({"debounceMs": 0, "hover": {"deadlineMs": 20_000}}),
    )
    .await;
    // One line of words; an edit replaces, inserts or removes one.
    let mut words: Vec<String> = (0..40).map(|n| format!("word{n}")).collect();
    editor.open(URI, "plaintext", &words.join(" ")).await;
    let mut numbers = Numbers(42);
    // For each request, the column and the length of the word at the cursor in the text of that moment.
    let mut expected: HashMap<i64, (usize, usize)> = HashMap::new();
    for version in 2..502 {
        let index = numbers.below(words.len());
        let start: usize = words[..index].iter().map(|word| word.len() + 1).sum();
        let (end, text) = match numbers.below(3) {
            0 if words.len() > 20 => {
                let removed = words.remove(index);
                // The space before the last word is removed with it.
                if index == words.len() {
                    (start + removed.len(), None)
                } else {
                    (start + removed.len() + 1, None)
                }
            }
            1 => {
                let new = format!("new{version}");
                words.insert(index, new.clone());
                (start, Some(new + " "))
            }
            _ => {
                let new = format!("other{version}");
                let old = std::mem::replace(&mut words[index], new.clone());
                (start + old.len(), Some(new))
            }
        };
        let removes_last = text.is_none() && index == words.len();
        let from = if removes_last { start - 1 } else { start };
        let change = json!([{"range": range((0, from as u32), (0, end as u32)), "text": text.unwrap_or_default()}]);
        editor.change(URI, version, change).await;
        let asked = numbers.below(words.len());
        let column: usize = words[..asked].iter().map(|word| word.len() + 1).sum();
        let id = editor
            .ask("textDocument/documentHighlight", at(URI, 0, column as u32))
            .await;
        expected.insert(id, (column, words[asked].len()));
    }
    let mut answered = 0;
    for (id, (column, length)) in expected {
        let answer = editor.answer(id).await;
        if let Some(error) = answer.get("error") {
            // The text changed before the model read it.
            assert_eq!(error["code"], -32801, "{answer}");
            continue;
        }
        if answer["result"] == Value::Null {
            continue;
        }
        answered += 1;
        let word = range((0, column as u32), (0, (column + length) as u32));
        let highlights = answer["result"].as_array().unwrap();
        assert!(
            highlights.iter().any(|highlight| highlight["range"] == word),
            "{word}: {answer}"
        );
    }
    assert!(answered > 0);
    let end = words.join(" ");
    let whole = range((0, 0), (0, end.len() as u32 + 100));
    let explained = editor
        .request("fovea/explain", json!({"textDocument": {"uri": URI}, "range": whole}))
        .await;
    assert_eq!(explained["units"][0]["end"]["byte"], end.len());
    assert!(
        editor.script.texts().contains(&end),
        "the model never read the final text"
    );
    let read: Vec<&str> = explained["units"][0]["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["text"].as_str().unwrap())
        .collect();
    assert_eq!(read.join(" "), end);
    editor.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_switch_take_effect_in_the_order_they_were_sent() {
    let mut editor = Editor::start(json!({"experimental": {"fovea": {"status": false}}})).await;
    for _ in 0..200 {
        // Without an argument, each command toggles the state, so the answers show the order of execution.
        let command = json!({"command": "fovea.toggleHighlight"});
        let asked = [
            editor.ask("workspace/executeCommand", command.clone()).await,
            editor.ask("workspace/executeCommand", command).await,
        ];
        let first = editor.answer(asked[0]).await;
        let second = editor.answer(asked[1]).await;
        assert_eq!(
            (&first["result"]["enabled"], &second["result"]["enabled"]),
            (&json!(false), &json!(true))
        );
    }
    editor.finish().await;
}
