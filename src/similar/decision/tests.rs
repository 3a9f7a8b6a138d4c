//! Shapes of manually judged pairs: see `benches/lenses/judgments.csv`.

use super::*;
use crate::segment::ItemKind::{Function, Heading, Type};
use crate::text::Language::{Go, Java, JavaScript, Markdown, Python, Rust, TypeScript};

const CREATE_APP: &str = "function createApp (options) {
  var app = express()
  app.use(express.json(options))
  app.use(function (err, req, res, next) {
    res.status(err.status || 500)
    res.send(String(req.headers['x-error-property'] ? err[req.headers['x-error-property']] : ('[' + err.type + '] ' + err.message)))
  })
  app.post('/', function (req, res) {
    res.json(req.body)
  })
  return app
}";

const FINISHED: &str = "def check_finished(self, name):
    if self.got_first_request:
        raise AssertionError(
            f'{name} can no longer be called on the application'
        )
    self.checked.add(name)
    return True
";

/// An item and the properties of its text.
struct Sample {
    name: &'static str,
    around: Option<&'static str>,
    kind: ItemKind,
    language: Language,
    line: u32,
    test: bool,
    fingerprint: Fingerprint,
    height: u32,
}

fn sample(name: &'static str, language: Language, line: u32, text: &str) -> Sample {
    Sample {
        name,
        around: None,
        kind: Function,
        language,
        line,
        test: false,
        fingerprint: Fingerprint::of(text, language),
        height: text.lines().count() as u32,
    }
}

impl Sample {
    fn facts(&self) -> Facts<'_> {
        Facts {
            name: self.name,
            around: self.around,
            kind: self.kind,
            language: self.language,
            lines: self.line..self.line + self.height,
            test: self.test,
            repetitive: false,
            fingerprint: &self.fingerprint,
        }
    }
}

fn verdict(a: &Sample, b: &Sample, same_file: bool, cosine: f32) -> Option<CloneType> {
    let found = decide(&a.facts(), &b.facts(), same_file, cosine);
    assert_eq!(
        found,
        decide(&b.facts(), &a.facts(), same_file, cosine),
        "the order does not matter"
    );
    found
}

#[test]
fn copies_in_other_files_are_classified() {
    let one = sample("createApp", JavaScript, 0, CREATE_APP);
    let with_comment = CREATE_APP.replace("return app", "// Ready.\n  return app");
    let same = sample("createApp", JavaScript, 90, &with_comment);
    let renamed = sample(
        "makeServer",
        JavaScript,
        9,
        &CREATE_APP.replace("createApp", "makeServer").replace("app", "server"),
    );
    let changed = sample(
        "createApp",
        JavaScript,
        0,
        &CREATE_APP.replace(
            "  app.post('/', function (req, res) {\n    res.json(req.body)\n  })\n",
            "",
        ),
    );
    assert_eq!(verdict(&one, &same, false, 0.99), Some(CloneType::SameText));
    assert_eq!(verdict(&one, &renamed, false, 0.7), Some(CloneType::Renamed));
    assert_eq!(verdict(&one, &changed, false, 0.9), Some(CloneType::Changed));
    let typed = Sample {
        language: TypeScript,
        ..sample("createApp", TypeScript, 0, CREATE_APP)
    };
    assert_eq!(
        verdict(&one, &typed, false, 0.8),
        Some(CloneType::SameText),
        "one syntax"
    );
    assert_eq!(verdict(&one, &same, false, FLOOR - 0.01), None, "vectors propose");
}

#[test]
fn unrelated_functions_of_one_topic_are_not_shown() {
    let one = sample("check_finished", Python, 0, FINISHED);
    let other = sample(
        "load_dotenv",
        Python,
        0,
        "def load_dotenv(path, defaults):\n    data = {}\n    for name in defaults:\n        if not path.joinpath(name).exists():\n            \
         continue\n        data |= parse(name)\n    return bool(data)\n",
    );
    assert_eq!(verdict(&one, &other, false, 0.74), None);
    assert_eq!(verdict(&one, &other, true, 0.74), None);
}

#[test]
fn neighbors_in_one_file_need_more_than_items_far_apart() {
    let copy = FINISHED
        .replace("application", "blueprint")
        .replace("got_first_request", "registered")
        .replace("check_finished", "check_registered");
    let one = sample("check_finished", Python, 0, FINISHED);
    let far = sample("check_registered", Python, 200, &copy);
    let near = sample("check_registered", Python, 10, &copy);
    assert_eq!(verdict(&one, &far, true, 0.85), Some(CloneType::Renamed));
    assert_eq!(verdict(&one, &near, true, 0.85), None, "the reader sees it");
    assert_eq!(verdict(&one, &near, false, 0.85), Some(CloneType::Renamed));
    let long = sample("one", Python, 0, &FINISHED.repeat(4));
    let beside = sample("two", Python, 40, &copy.repeat(4));
    assert_eq!(
        verdict(&long, &beside, true, 0.85),
        Some(CloneType::Renamed),
        "much repeated code"
    );
    let looser = FINISHED
        .replace(
            "    self.checked.add(name)\n",
            "    if name in self.checked:\n        return False\n",
        )
        .replace("check_finished", "check_registered");
    let alike = sample("check_registered", Python, 200, &looser);
    assert!(verdict(&one, &alike, false, 0.6).is_some());
    assert_eq!(verdict(&one, &alike, true, 0.6), None);
}

#[test]
fn callers_and_base_classes_are_not_shown() {
    let caller = FINISHED.replace("self.checked.add(name)", "check_registered(name)");
    let one = sample("check_finished", Python, 0, &caller);
    let called = sample("Registry.check_registered", Python, 0, FINISHED);
    assert_eq!(verdict(&one, &called, false, 0.9), None);
    let class = "class Cat(Animal):\n    name = ''\n    def purr(self):\n        return self.name\n    def sleep(self):\n        pass\n";
    let animal = class.replace("Cat(Animal)", "Animal");
    let mut cat = sample("Cat", Python, 0, class);
    let mut base = sample("Animal", Python, 0, &animal);
    (cat.kind, base.kind) = (Type, Type);
    assert_eq!(verdict(&cat, &base, false, 0.95), None);
    // A method that calls the method it overrides is a variant, not a caller.
    let override_ = FINISHED.replace("self.checked.add(name)", "super().check_finished(name)");
    let over = sample("check_finished", Python, 0, &override_);
    assert!(verdict(&over, &sample("check_finished", Python, 0, FINISHED), false, 0.9).is_some());
}

#[test]
fn overloads_accessors_and_implementations_are_not_shown() {
    let one = sample("url_for", Java, 0, &CREATE_APP.repeat(3));
    let mut overload = sample("url_for", Java, 100, &CREATE_APP.repeat(3));
    assert_eq!(verdict(&one, &overload, true, 0.95), None);
    assert!(verdict(&one, &overload, false, 0.95).is_some());
    overload.around = Some("Other");
    assert!(verdict(&one, &overload, true, 0.95).is_some(), "methods of two classes");
    let getter = sample("getOwner", Java, 0, &CREATE_APP.repeat(3));
    let setter = sample("setOwner", Java, 100, &CREATE_APP.repeat(3));
    assert_eq!(verdict(&getter, &setter, true, 0.95), None);
    let settle = sample("settle", Java, 100, &CREATE_APP.repeat(3));
    assert!(verdict(&sample("tle", Java, 0, &CREATE_APP.repeat(3)), &settle, true, 0.95).is_some());
    let methods = [0, 100].map(|line| sample("Render", Go, line, &CREATE_APP.repeat(3)));
    assert!(
        verdict(&methods[0], &methods[1], true, 0.95).is_some(),
        "receivers of Go stand outside of their methods"
    );
}

#[test]
fn short_items_are_not_shown() {
    let text = "def check(self, value):\n    '''Documentation\n\n    of\n    many\n    lines.\n    '''\n    # and\n    # comments\n    return isinstance(value, list)\n";
    let one = sample("check", Python, 0, text);
    let other = sample("check", Python, 0, text);
    assert_eq!(verdict(&one, &other, false, 1.0), None);
}

#[test]
fn a_type_and_a_function_are_never_compared() {
    let one = sample("createApp", JavaScript, 0, CREATE_APP);
    let class = Sample {
        kind: Type,
        ..sample("App", JavaScript, 0, CREATE_APP)
    };
    assert_eq!(verdict(&one, &class, false, 1.0), None);
}

#[test]
fn types_and_functions_with_customary_names_need_more() {
    let changed = CREATE_APP
        .replace("res.status(err.status || 500)\n", "log(err)\n")
        .replace("app", "site")
        .replace("options", "settings");
    let pair = |name, kind| {
        [CREATE_APP, &changed].map(|text| Sample {
            kind,
            ..sample(name, JavaScript, 0, text)
        })
    };
    let shown = |[a, b]: [Sample; 2], cosine| verdict(&a, &b, false, cosine).is_some();
    assert!(shown(pair("createApp", Function), 0.45));
    assert!(!shown(pair("toString", Function), 0.45));
    assert!(!shown(pair("App", Type), 0.45));
    assert!(shown(pair("toString", Function), 0.95) && shown(pair("App", Type), 0.95));
}

#[test]
fn tests_need_more_because_they_repeat_their_shape() {
    let test = |name, line, text: &str| Sample {
        test: true,
        ..sample(name, Rust, line, text)
    };
    let case = |argument: &str| {
        format!(
            "fn case() {{\n    let te = TestEnv::new(DIRS, FILES);\n    te.assert_output(\n        &[\"{argument}\", \"foo\"],\n        \
             \"a.foo\",\n    );\n    te.assert_output(&[\"{argument}\", \"c\"], \"b\");\n    te.assert_error(&[\"{argument}\"]);\n    \
             te.remove(\n        \"{argument}\",\n    );\n}}\n"
        )
    };
    let (one, other) = (
        test("shows_hidden", 0, &case("--hidden")),
        test("prints_zeros", 400, &case("--print0")),
    );
    assert_eq!(verdict(&one, &other, false, 0.6), None, "same shape");
    let namesake = test("shows_hidden", 400, &case("--print0"));
    assert_eq!(
        verdict(&one, &namesake, false, 0.6),
        Some(CloneType::Renamed),
        "parallel suites"
    );
    let copy = test("prints_zeros", 400, &case("--hidden"));
    assert_eq!(verdict(&one, &copy, false, 0.9), Some(CloneType::SameText));
    assert_eq!(verdict(&one, &copy, true, 1.0), None, "one file");
    let plain = Sample {
        test: false,
        ..test("prints_zeros", 400, &case("--print0"))
    };
    assert_eq!(
        verdict(&one, &plain, false, 0.6),
        Some(CloneType::Renamed),
        "only one is a test"
    );
    let short = "fn t() {\n    let a = b();\n    assert!(a.is_ok());\n    assert_eq!(a, c(1));\n    drop(a);\n}\n";
    assert_eq!(
        verdict(&test("one", 0, short), &test("other", 0, short), false, 1.0),
        None,
        "short"
    );
    let plain = [sample("one", Rust, 0, short), sample("other", Rust, 0, short)];
    assert!(verdict(&plain[0], &plain[1], false, 1.0).is_some());
}

#[test]
fn the_cosine_decides_between_two_languages() {
    let one = sample("check_finished", Python, 0, FINISHED);
    let other = sample("finishedAlready", JavaScript, 0, CREATE_APP);
    assert_eq!(verdict(&one, &other, false, 0.64), None);
    assert_eq!(verdict(&one, &other, false, 0.66), Some(CloneType::SameTask));
    let namesake = sample("checkFinished", JavaScript, 0, CREATE_APP);
    assert_eq!(verdict(&one, &namesake, false, 0.45), Some(CloneType::SameTask));
}

#[test]
fn sections_are_shown_only_where_another_file_says_the_same() {
    let words: String = (0..80).map(|number| format!("word{number} ")).collect();
    let section = |name, text: &str| Sample {
        kind: Heading,
        ..sample(name, Markdown, 0, text)
    };
    let one = section("Install", &words);
    let same = section("Setup", &format!("{words} and more"));
    assert_eq!(verdict(&one, &same, false, 0.9), Some(CloneType::Changed));
    assert_eq!(verdict(&one, &same, true, 0.9), None);
    let other: String = (0..80).map(|number| format!("other{number} ")).collect();
    assert_eq!(verdict(&one, &section("Install", &other), false, 0.99), None);
    assert_eq!(
        verdict(&section("License", &words), &section("License", &words), false, 1.0),
        None
    );
    assert_eq!(verdict(&one, &section("Changelog of 2", &words), false, 1.0), None);
    let short = section("Install", "word1 word2 word3 word4 word5");
    assert_eq!(
        (verdict(&one, &short, false, 0.99), verdict(&short, &short, false, 1.0)),
        (None, None)
    );
    let shown = |sample: &Sample| may_be_shown(&sample.facts());
    assert!(shown(&one) && !shown(&section("License", &words)) && !shown(&short));
    let mut log = one.facts();
    log.repetitive = true;
    assert!(!may_be_shown(&log));
    assert_eq!(decide(&log, &same.facts(), false, 0.9), None);
}

#[test]
fn a_threshold_moves_the_bar() {
    let bar = Bar::new(thresholds::DEFAULT);
    assert_eq!((bar.floor, bar.lift), (FLOOR, 0.0));
    let low = Bar::new(0.4);
    assert!((low.lift - 0.2).abs() < 1e-6 && (low.floor - (FLOOR - 0.2)).abs() < 1e-6);
    assert!(Bar::new(0.8).floor > 0.6 && (Bar::new(1.0).floor - 1.0).abs() < 1e-6 && Bar::new(1.0).lift == 0.0);
}

#[test]
fn the_last_part_of_a_name_counts() {
    for (name, last) in [
        ("View.prototype.lookup", "lookup"),
        ("Config::load", "load"),
        ("Display for Config<'a, T>", "Config"),
        ("f", "f"),
        ("", ""),
    ] {
        assert_eq!(last_part(name), last);
    }
}

#[test]
fn no_shown_pair_has_less_overlap_than_the_bound_of_its_kind() {
    for kind in [Function, Type] {
        let item = |name, line, text: &str| Sample {
            kind,
            ..sample(name, JavaScript, line, text)
        };
        for text in [
            CREATE_APP.to_owned(),
            CREATE_APP.replace("app", "server"),
            CREATE_APP.replace("err", "x.y"),
        ] {
            let (a, b) = (item("createApp", 0, CREATE_APP), item("makeServer", 400, &text));
            let overlap = a.fingerprint.overlap(&b.fingerprint) + a.fingerprint.exact_overlap(&b.fingerprint);
            let shown = (0..=100)
                .map(|step| step as f32 / 100.0)
                .find(|cosine| verdict(&a, &b, false, *cosine).is_some());
            if let Some(cosine) = shown {
                assert!(
                    least_overlap(kind, cosine) <= overlap + 1e-3,
                    "{kind:?} {cosine} {overlap}"
                );
            }
        }
    }
    assert!((least_overlap(Function, 0.5) - (3.0 * NEEDED - 0.5)).abs() < 1e-6);
    assert!(least_overlap(Type, 0.5) > least_overlap(Function, 0.5));
    assert_eq!(least_overlap(Heading, 0.5), 0.0);
}
