//! Classes by the user's own probe, in the real program: lenses, the words that decided, and corrections of labels.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::Program;

const MONEY: [&str; 6] = [
    "def charge(card, amount):\n    fee = amount * 0.03\n    return bank.withdraw(card, amount + fee)\n",
    "def refund(payment):\n    account = payment.account\n    account.balance += payment.amount\n    return account.save()\n",
    "def invoice_total(lines, tax):\n    net = sum(line.price for line in lines)\n    return net + net * tax\n",
    "def pay_salary(employee, month):\n    amount = employee.salary - employee.tax\n    return bank.transfer(employee.account, amount)\n",
    "def convert(price, currency):\n    rate = exchange_rate(currency)\n    return round(price * rate, 2)\n",
    "def discount(order, percent):\n    price = order.total_price()\n    return price - price * percent / 100\n",
];
const OTHER: [&str; 6] = [
    "def draw_circle(canvas, center, radius):\n    for angle in range(360):\n        canvas.point(center, radius, angle)\n",
    "def parse_header(line):\n    name, _, value = line.partition(':')\n    return name.strip(), value.strip()\n",
    "def rotate(image, angle):\n    matrix = rotation_matrix(angle)\n    return image.transform(matrix)\n",
    "def read_lines(path):\n    with open(path) as file:\n        return [line.strip() for line in file]\n",
    "def shuffle(cards, seed):\n    random.seed(seed)\n    random.shuffle(cards)\n    return cards\n",
    "def compile_pattern(text, flags):\n    tree = parse_regex(text)\n    return Automaton(tree, flags)\n",
];

fn train(folder: &Path) -> String {
    let rows = MONEY.iter().map(|text| (*text, "money"));
    let rows: Vec<(&str, &str)> = rows.chain(OTHER.iter().map(|text| (*text, "other"))).collect();
    train_on(folder, &rows, "python")
}

/// Trains a probe on texts with labels; returns its file.
fn train_on(folder: &Path, rows: &[(&str, &str)], language: &str) -> String {
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let rows: String = rows
        .iter()
        .map(|(text, label)| format!("{},{label},{language}\n", cell(text)))
        .collect();
    let labels = folder.join("labels.csv");
    std::fs::write(&labels, format!("text,label,language\n{rows}")).unwrap();
    let probe = folder.join("money.json");
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(["probe", "train", "--out"])
        .args([&probe, &labels])
        .env("FOVEA_CACHE_DIR", folder.join("cache"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    probe.display().to_string()
}

/// A server whose lenses name the classes of a probe.
fn classifying(folder: &Path, probe: &str) -> Program {
    let mut program = Program::start_in(&folder.join("cache"));
    let options = json!({"debounceMs": 0, "index.enable": false, "classify.probe": probe});
    let capabilities = json!({"experimental": {"fovea": {"status": true}}});
    program.request(
        "initialize",
        json!({"capabilities": capabilities, "initializationOptions": options}),
    );
    program.notify("initialized", json!({}));
    program
}

fn lenses(program: &mut Program, uri: &str, so: impl Fn(&[String]) -> bool) -> Vec<Value> {
    let asked = json!({"textDocument": {"uri": uri}});
    let titles = |lenses: &Value| -> Vec<String> {
        let all = lenses.as_array().into_iter().flatten();
        let titles = all.filter_map(|lens| lens["command"]["title"].as_str());
        titles.map(str::to_owned).collect()
    };
    let found = program.until("textDocument/codeLens", &asked, |lenses| so(&titles(lenses)));
    let found = found.as_array().cloned().unwrap_or_default();
    found
        .into_iter()
        .filter(|lens| lens["command"]["command"] == "fovea.classify")
        .collect()
}

#[test]
fn a_probe_names_classes_says_why_and_learns_from_a_correction() {
    if !fovea::model::embedded_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let probe = train(folder.path());
    let mut program = classifying(folder.path(), &probe);
    let text = "def transfer(account, amount, fee):\n    account.balance -= amount + fee\n    return bank.pay(account, amount)\n\n\n\
                def mirror(image, axis):\n    matrix = reflection_matrix(axis)\n    return image.transform(matrix)\n";
    let uri = "file:///project/shop.py";
    let document = json!({"uri": uri, "languageId": "python", "version": 1, "text": text});
    program.notify("textDocument/didOpen", json!({"textDocument": document}));
    // `other` has no lens.
    let found = lenses(&mut program, uri, |titles| !titles.is_empty());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["range"]["start"], json!({"line": 0, "character": 4}));
    let title = found[0]["command"]["title"].as_str().unwrap();
    assert!(title.starts_with("money .") || title == "money 1.00", "{title}");
    let why = json!({"command": "fovea.classify", "arguments": found[0]["command"]["arguments"]});
    let answer = program.request("workspace/executeCommand", why);
    let answer = &answer["result"];
    assert_eq!(
        (&answer["label"], &answer["name"]),
        (&json!("money"), &json!("transfer"))
    );
    let number = |value: &Value| value.as_f64().unwrap();
    let words: f64 = answer["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| number(&word["score"]))
        .sum();
    let sum = words + number(&answer["special"]) + number(&answer["bias"]);
    assert!((sum - number(&answer["value"])).abs() < 0.01, "{sum} {answer}");
    // A correction adds the label to the file and trains the probe.
    let wrong = json!({"uri": uri, "position": {"line": 0, "character": 6}, "label": "other"});
    let learned = program.request(
        "workspace/executeCommand",
        json!({"command": "fovea.relabel", "arguments": [wrong]}),
    );
    assert_eq!(learned["result"]["items"], 13, "{learned}");
    let table = std::fs::read_to_string(folder.path().join("labels.csv")).unwrap();
    assert!(
        table.contains("account.balance -= amount + fee") && table.ends_with(",other,python\n"),
        "{table}"
    );
    lenses(&mut program, uri, |titles| titles.iter().all(|new| new != title));
    // Another correction of the same item replaces its label.
    let again = json!({"uri": uri, "position": {"line": 0, "character": 6}, "label": "money"});
    let learned = program.request(
        "workspace/executeCommand",
        json!({"command": "fovea.relabel", "arguments": [again]}),
    );
    assert_eq!(learned["result"]["items"], 13, "{learned}");
    // The server refuses an unknown label and lists the labels of the probe.
    let refused = |program: &mut Program, command: &str, argument: Value| {
        let answer = program.request(
            "workspace/executeCommand",
            json!({"command": command, "arguments": [argument]}),
        );
        answer["error"]["message"].as_str().unwrap_or_default().to_owned()
    };
    let position = json!({"line": 0, "character": 6});
    let unknown = json!({"uri": uri, "position": position, "label": "poetry"});
    let message = refused(&mut program, "fovea.classify", unknown);
    assert!(message.contains("its labels are money, other"), "{message}");
    // Two simultaneous corrections are both kept.
    let correction = |line: u32, label: &str| {
        let position = json!({"line": line, "character": 6});
        json!({"command": "fovea.relabel", "arguments": [{"uri": uri, "position": position, "label": label}]})
    };
    program.send("workspace/executeCommand", &correction(0, "other"));
    let second = program.request("workspace/executeCommand", correction(5, "money"));
    assert_eq!(second["result"]["items"], 14, "{second}");
    let table = std::fs::read_to_string(folder.path().join("labels.csv")).unwrap();
    assert!(
        table.contains(",other,python\n") && table.ends_with(",money,python\n"),
        "{table}"
    );
    assert_eq!(table.matches("account.balance -= amount + fee").count(), 1);
    let beside = std::fs::read_dir(folder.path()).unwrap().flatten();
    let left: Vec<_> = beside
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "new"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // A label that only one item has is kept, but the probe cannot be trained with it.
    let lonely = json!({"uri": uri, "position": {"line": 0, "character": 6}, "label": "alone"});
    let message = refused(&mut program, "fovea.relabel", lonely);
    assert!(
        message.contains("labels.csv has the label, but the probe did not learn it")
            && message.contains("only one item has"),
        "{message}"
    );
    assert!(
        std::fs::read_to_string(folder.path().join("labels.csv"))
            .unwrap()
            .contains(",alone,python\n")
    );
    // The status names an unusable probe, and there are no lenses.
    let wrong = |program: &mut Program, probe: &str, expected: &str| {
        let settings = json!({"settings": {"fovea": {"classify": {"probe": probe}}}});
        program.notify("workspace/didChangeConfiguration", settings);
        let so = |status: &Value| {
            status["message"]
                .as_str()
                .is_some_and(|message| message.contains(expected))
        };
        let status = program.told("fovea/status", so);
        assert_eq!(status["health"], "warning");
        assert_eq!(lenses(program, uri, |titles| titles.is_empty()), [] as [Value; 0]);
    };
    wrong(
        &mut program,
        "/nowhere.json",
        "/nowhere.json does not exist; make it with `fovea probe train`",
    );
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("cut.json"), "{").unwrap();
    wrong(&mut program, &file("cut.json"), "cannot read the probe");
    let mut other: Value = serde_json::from_slice(&std::fs::read(&probe).unwrap()).unwrap();
    other["encoder"] = json!("another");
    std::fs::write(file("other.json"), other.to_string()).unwrap();
    wrong(
        &mut program,
        &file("other.json"),
        "train the probe again with `fovea probe train`",
    );
    program.notify(
        "workspace/didChangeConfiguration",
        json!({"settings": {"fovea": {"classify": {"probe": ""}}}}),
    );
    program.told("fovea/status", |status| status["health"] == "ok");
    let message = refused(
        &mut program,
        "fovea.classify",
        json!({"uri": uri, "position": position}),
    );
    assert!(
        message.contains("no probe is set; make one with `fovea probe train`"),
        "{message}"
    );
    program.finish();
}

#[test]
fn a_correction_that_is_cancelled_keeps_its_label_and_the_probe_as_it_was() {
    if !fovea::model::embedded_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let probe = train(folder.path());
    let before = std::fs::read(&probe).unwrap();
    // Thousands of texts that no run has embedded yet: the training takes much longer than its cancellation.
    let labels = folder.path().join("labels.csv");
    let mut table = std::fs::read_to_string(&labels).unwrap();
    for number in 0..4000 {
        let label = ["money", "other"][number % 2];
        table +=
            &format!("\"def f{number}(account):\n    return account.rate({number}) + {number}\n\",{label},python\n");
    }
    std::fs::write(&labels, table).unwrap();
    let mut program = classifying(folder.path(), &probe);
    let uri = "file:///project/shop.py";
    let text = "def transfer(account, amount, fee):\n    account.balance -= amount + fee\n    return bank.pay(account, amount)\n";
    let document = json!({"uri": uri, "languageId": "python", "version": 1, "text": text});
    program.notify("textDocument/didOpen", json!({"textDocument": document}));
    lenses(&mut program, uri, |titles| !titles.is_empty());
    let wrong = json!({"uri": uri, "position": {"line": 0, "character": 6}, "label": "other"});
    let asked = json!({"command": "fovea.relabel", "arguments": [wrong]});
    let id = program.send("workspace/executeCommand", &asked);
    // The label is written before the training begins.
    let has_label = || {
        std::fs::read_to_string(&labels)
            .unwrap()
            .contains("account.balance -= amount + fee")
    };
    let start = Instant::now();
    while !has_label() {
        assert!(start.elapsed() < Duration::from_secs(60), "the label was never written");
        std::thread::sleep(Duration::from_millis(5));
    }
    program.notify("$/cancelRequest", json!({"id": id}));
    assert_eq!(program.answer(id)["error"]["code"], -32800);
    program.finish();
    assert!(has_label());
    assert_eq!(std::fs::read(&probe).unwrap(), before);
}

#[test]
fn paragraphs_of_a_plain_text_have_classes_as_functions_have() {
    if !fovea::model::embedded_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("My card was charged twice for one order.", "payment"),
        ("Please refund the money that you took from my account.", "payment"),
        ("The invoice shows a wrong amount and my bank refused it.", "payment"),
        ("I paid last week, and the payment has not arrived.", "payment"),
        ("How do I change the currency of my bill?", "payment"),
        ("The transfer to your bank account failed.", "payment"),
        ("I forgot my password and cannot log in.", "login"),
        ("The sign-in page says that my username is unknown.", "login"),
        ("Two-factor codes never reach my phone when I log in.", "login"),
        ("Please reset the password of my user.", "login"),
        ("My session ends each time that I sign in.", "login"),
        ("Login with my company account is refused.", "login"),
    ];
    let probe = train_on(folder.path(), &rows, "plaintext");
    let mut program = classifying(folder.path(), &probe);
    let text =
        "The bank refused my payment,\nand the invoice was charged twice.\n\nI cannot sign in with my password.\n";
    let uri = "file:///project/mail.txt";
    let document = json!({"uri": uri, "languageId": "plaintext", "version": 1, "text": text});
    program.notify("textDocument/didOpen", json!({"textDocument": document}));
    let found = lenses(&mut program, uri, |titles| titles.len() == 2);
    let titles: Vec<&str> = found
        .iter()
        .map(|lens| lens["command"]["title"].as_str().unwrap())
        .collect();
    assert!(
        titles[0].starts_with("payment ") && titles[1].starts_with("login "),
        "{titles:?}"
    );
    assert_eq!(found[0]["range"]["start"], json!({"line": 0, "character": 0}));
    assert_eq!(found[1]["range"]["start"], json!({"line": 3, "character": 0}));
    let why = json!({"command": "fovea.classify", "arguments": found[0]["command"]["arguments"]});
    let answer = program.request("workspace/executeCommand", why)["result"].clone();
    assert_eq!(
        (&answer["label"], &answer["name"]),
        (&json!("payment"), &json!("The bank refused my payment,"))
    );
    assert_eq!(answer["range"]["end"], json!({"line": 1, "character": 34}));
    // A correction is about the paragraph at the position.
    let wrong = json!({"uri": uri, "position": {"line": 1, "character": 4}, "label": "login"});
    let learned = program.request(
        "workspace/executeCommand",
        json!({"command": "fovea.relabel", "arguments": [wrong]}),
    );
    assert_eq!(learned["result"]["items"], 13, "{learned}");
    let table = std::fs::read_to_string(folder.path().join("labels.csv")).unwrap();
    assert!(table.contains("and the invoice was charged twice.\",login"), "{table}");
}
