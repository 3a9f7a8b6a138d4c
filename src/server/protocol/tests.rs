//! Checks docs/protocol.md, the page for authors of clients, against the types.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower_lsp::ls_types::notification::Notification;
use tower_lsp::ls_types::request::Request;
use tower_lsp::ls_types::{Range, TextDocumentIdentifier, Uri};

use super::*;

/// An explanation with every field.
fn explained(question: Option<String>) -> Explained {
    Explained {
        method: String::new(),
        target: String::new(),
        value: 0.5,
        residual: 0.0,
        special: 0.0,
        bias: 0.0,
        words: vec![AnswerWord {
            range: Range::default(),
            text: String::new(),
            score: 0.5,
            question,
        }],
    }
}

/// The JSON blocks of the page, each with the type that it names.
fn blocks() -> Vec<(String, Value)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mut blocks = Vec::new();
    for part in page.split("```json ").skip(1) {
        let (name, rest) = part.split_once('\n').unwrap();
        let (body, _) = rest.split_once("```").unwrap();
        let value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{name}: {error}"));
        blocks.push((name.trim().to_owned(), value));
    }
    blocks
}

/// Parses an example as its type and writes it again. A difference shows that the example does not fit the type.
fn read<T: DeserializeOwned + Serialize>(value: &Value) -> Value {
    let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
    json!(read)
}

/// Collects the paths of all fields.
fn fields(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = format!("{prefix}.{name}");
                fields(&path, value, found);
                found.insert(path);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| fields(prefix, value, found)),
        _ => {}
    }
}

/// A value with all fields for every type.
fn full() -> BTreeMap<&'static str, Value> {
    let uri: Uri = "file:///a".parse().unwrap();
    let range = Range::default();
    let document = TextDocumentIdentifier { uri: uri.clone() };
    let changed = Changed {
        since: 1,
        start: 2,
        end: 3,
        was: 4,
    };
    let unread = Unread {
        range,
        coverage: 0.1,
        reason: String::new(),
    };
    let heat = HeatParams {
        uri: uri.clone(),
        version: 1,
        method: String::new(),
        levels: LEVELS,
        complete: true,
        changed: Some(changed),
        words: vec![[0; 4]],
        unread: vec![unread],
    };
    let index = IndexParams {
        state: IndexState::Indexing,
        items: 1,
        done: Some(1),
        total: Some(1),
        refused: Vec::new(),
    };
    let maps = AttentionMaps {
        layer: Some(1),
        head: Some(2),
    };
    let method = MethodAnswer {
        method: String::new(),
        layer: Some(1),
        head: Some(2),
    };
    let status = StatusParams {
        health: Health::Ok,
        state: State::Ready,
        model: None,
        method: String::new(),
        maps: Some(maps),
        attention: Some(AttentionShape { layers: 6, heads: 12 }),
        heat: true,
        preset: String::new(),
        highlight: true,
        writes: Some(true),
        message: Some(String::new()),
        inactive: vec![InactiveDocument {
            uri: uri.clone(),
            reason: String::new(),
        }],
        unparsed: vec![InactiveDocument {
            uri: uri.clone(),
            reason: String::new(),
        }],
        index: Some(index),
        store: Some(StoreParams {
            place: String::new(),
            state: StoreState::Ready,
            why: Some(String::new()),
        }),
    };
    let similar = SimilarItem {
        uri: uri.clone(),
        range,
        selection: range,
        name: String::new(),
        container: Some(String::new()),
        kind: String::new(),
        language: String::new(),
        score: 0.5,
        why: Some(WhyFound {
            cosine: 0.5,
            lexical: 0.5,
            matched: Vec::new(),
        }),
        store: Some(StoreFile {
            folder: String::new(),
            path: String::new(),
        }),
    };
    let found = SimilarItem {
        container: None,
        store: None,
        ..similar.clone()
    };
    let similar = SimilarItem { why: None, ..similar };
    let show = ShowSimilarArgs {
        uri: uri.clone(),
        range,
        name: String::new(),
        similar: Some(vec![similar]),
    };
    let answer = ShowSimilarAnswer {
        name: String::new(),
        similar: Vec::new(),
        shown: None,
    };
    let passages = [
        Passage::Range {
            uri: uri.clone(),
            range,
        },
        Passage::Text {
            text: String::new(),
            language: Some(String::new()),
        },
    ];
    let search = SearchArgs::Filtered {
        query: String::new(),
        top: Some(1),
        languages: Vec::new(),
        kinds: Vec::new(),
        notes: true,
    };
    let searched = SearchAnswer {
        items: vec![found.clone()],
        notes: vec![String::new()],
    };
    let ask = AskArgs::Scoped {
        question: String::new(),
        uri: Some(uri.clone()),
        top: Some(1),
        threshold: Some(0.5),
        write: true,
    };
    let written = WrittenAnswer {
        model: String::new(),
        text: String::new(),
        sentences: vec![WrittenSentence {
            text: String::new(),
            logprob: 0.5,
            without: vec![0.5],
            without_all: 0.5,
            without_all_told: String::new(),
            sources: vec![SentenceSource {
                passage: 1,
                times: String::new(),
            }],
        }],
        passages: vec![ReadPassage {
            uri: uri.clone(),
            range,
            name: Some(String::new()),
        }],
        cut: true,
    };
    let found_answer = FoundAnswer {
        uri: uri.clone(),
        range,
        within: range,
        text: String::new(),
        score: 0.5,
        name: Some(String::new()),
        model: String::new(),
        explained: explained(Some(String::new())),
    };
    let answered = AskAnswer {
        answers: vec![found_answer],
        written: Some(written),
        writes: true,
        notes: vec![String::new()],
        ms: 1.0,
    };
    let position = range.start;
    let predict = PredictArgs {
        uri: uri.clone(),
        position,
        top: Some(1),
        why: Some(NamedToken::Id(1)),
        rather_than: Some(NamedToken::Text(String::new())),
    };
    let predicted = PredictAnswer {
        model: String::new(),
        masked: true,
        next: vec![NextToken {
            id: 1,
            token: String::new(),
            probability: 0.5,
        }],
        why: Some(WhyToken {
            token: String::new(),
            rather_than: Some(String::new()),
            explained: explained(None),
        }),
        ms: 1.0,
    };
    let classify = ClassifyArgs {
        uri: uri.clone(),
        position,
        label: Some(String::new()),
    };
    let classified = ClassifyAnswer {
        range,
        name: String::new(),
        classes: vec![ClassFound {
            label: String::new(),
            probability: 0.5,
        }],
        label: String::new(),
        model: String::new(),
        explained: explained(None),
        labels_file: Some(String::new()),
        ms: 1.0,
    };
    let relabel = RelabelArgs {
        uri: uri.clone(),
        position,
        label: Some(String::new()),
    };
    let relabeled = RelabelAnswer {
        labels_file: String::new(),
        items: 1,
        accuracy: 0.5,
        ms: 1.0,
    };
    let visible = VisibleParams {
        text_document: document.clone(),
        range,
    };
    let explain = ExplainParams {
        text_document: document,
        range: Some(range),
    };
    let draws_on = DrawsOnAnswer {
        version: 1,
        word: range,
        words: vec![DrawnOn {
            range,
            share: 0.5,
            strength: 3,
        }],
    };
    let word = CompareWord {
        side: CompareSide::A,
        word: 1,
    };
    let options = CompareOptions {
        pairs: Some(false),
        row: Some(word),
    };
    let row = CompareRow {
        side: CompareSide::A,
        word: 1,
        scores: Vec::new(),
        special: 0.5,
        bias: 0.5,
    };
    BTreeMap::from([
        ("DrawsOnAnswer", json!(draws_on)),
        ("CompareOptions", json!(options)),
        ("CompareRow", json!(row)),
        ("HeatAnswer", json!(HeatAnswer { preset: String::new() })),
        ("HeatParams", json!(heat)),
        ("SimilarItem", json!(found)),
        ("StatusParams", json!(status)),
        ("VisibleParams", json!(visible)),
        ("ExplainParams", json!(explain)),
        ("ShowSimilarArgs", json!(show)),
        ("ShowSimilarAnswer", json!(answer)),
        ("Passage", json!(passages)),
        ("ExplainSelectionArgs", json!(ExplainSelectionArgs { uri, range })),
        ("ClassifyArgs", json!(classify)),
        ("ClassifyAnswer", json!(classified)),
        ("RelabelArgs", json!(relabel)),
        ("RelabelAnswer", json!(relabeled)),
        ("PredictArgs", json!(predict)),
        ("PredictAnswer", json!(predicted)),
        ("AskArgs", json!(ask)),
        ("AskAnswer", json!(answered)),
        ("SearchArgs", json!(search)),
        ("SearchAnswer", json!(searched)),
        ("AttentionMaps", json!(maps)),
        ("MethodAnswer", json!(method)),
        ("Toggled", json!(Toggled { enabled: true })),
    ])
}

#[test]
fn the_page_of_the_protocol_matches_the_types() {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, example) in blocks() {
        let again = match &*name {
            "HeatParams" => read::<HeatParams>(&example),
            "StatusParams" => read::<StatusParams>(&example),
            "SimilarItem" => read::<SimilarItem>(&example),
            "VisibleParams" => read::<VisibleParams>(&example),
            "ExplainParams" => read::<ExplainParams>(&example),
            "ShowSimilarArgs" => read::<ShowSimilarArgs>(&example),
            "ShowSimilarAnswer" => read::<ShowSimilarAnswer>(&example),
            "Passage" => read::<Passage>(&example),
            "ExplainSelectionArgs" => read::<ExplainSelectionArgs>(&example),
            "TrustArgs" => read::<TrustArgs>(&example),
            "TrustAnswer" => read::<TrustAnswer>(&example),
            "OpenViewArgs" => read::<OpenViewArgs>(&example),
            "OpenViewAnswer" => read::<OpenViewAnswer>(&example),
            "ViewParams" => read::<ViewParams>(&example),
            "ViewAnswer" => read::<ViewAnswer>(&example),
            "SearchArgs" => read::<SearchArgs>(&example),
            "ClassifyArgs" => read::<ClassifyArgs>(&example),
            "ClassifyAnswer" => read::<ClassifyAnswer>(&example),
            "RelabelArgs" => read::<RelabelArgs>(&example),
            "RelabelAnswer" => read::<RelabelAnswer>(&example),
            "PredictArgs" => read::<PredictArgs>(&example),
            "PredictAnswer" => read::<PredictAnswer>(&example),
            "AskArgs" => read::<AskArgs>(&example),
            "AskAnswer" => read::<AskAnswer>(&example),
            "SearchAnswer" => read::<SearchAnswer>(&example),
            "AttentionMaps" => read::<AttentionMaps>(&example),
            "MethodAnswer" => read::<MethodAnswer>(&example),
            "Toggled" => read::<Toggled>(&example),
            "DrawsOnAnswer" => read::<Option<DrawsOnAnswer>>(&example),
            "CompareOptions" => read::<CompareOptions>(&example),
            "CompareRow" => read::<CompareRow>(&example),
            "HeatAnswer" => read::<HeatAnswer>(&example),
            other => panic!("no such type: {other}"),
        };
        // A field that the type does not have is lost when it is parsed.
        assert_eq!(again, example, "{name}");
        fields("", &example, told.entry(name).or_default());
    }
    for (name, value) in full() {
        let mut all = BTreeSet::new();
        fields("", &value, &mut all);
        let missing: Vec<_> = all
            .difference(told.get(name).unwrap_or(&BTreeSet::new()))
            .cloned()
            .collect();
        assert!(missing.is_empty(), "docs/protocol.md lacks {missing:?} in {name}");
    }
}

#[test]
fn the_page_of_the_protocol_names_every_message_and_command() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let page = std::fs::read_to_string(path).unwrap();
    for name in [
        Heat::METHOD,
        Status::METHOD,
        Visible::METHOD,
        Explain::METHOD,
        DrawsOn::METHOD,
    ] {
        assert!(page.contains(&format!("\n## `{name}`")), "{name}");
    }
    for command in COMMANDS {
        assert!(page.contains(&format!("`{command}`")), "{command}");
    }
    let states = [State::Loading, State::Ready, State::Busy, State::Paused, State::Failed].map(|state| json!(state));
    let index = [
        IndexState::Waiting,
        IndexState::Battery,
        IndexState::Indexing,
        IndexState::Cancelled,
        IndexState::Ready,
    ];
    for state in states.into_iter().chain(index.map(|state| json!(state))) {
        let state = state.as_str().unwrap().to_owned();
        assert!(page.contains(&format!("`{state}`")), "{state}");
    }
}
