use super::*;
use crate::text::Language::*;

const PARSE: &str = r#"
fn read_config(path: &Path) -> Result<Config, Error> {
    let text = std::fs::read_to_string(path)?;
    let mut config = Config::default();
    for (number, line) in text.lines().enumerate() {
        let Some((key, value)) = line.split_once('=') else {
            return Err(Error::Line(number, "no equals sign"));
        };
        match key.trim() {
            "width" => config.width = value.trim().parse()?,
            "height" => config.height = value.trim().parse()?,
            other => return Err(Error::Key(other.to_owned())),
        }
    }
    Ok(config)
}
"#;

const COPY: &str = r##"
/// Another documentation.
fn load_theme(file: &Path) -> Result<Theme, Problem> {
    let source = std::fs::read_to_string(file)?;
    // Nothing is set at first.
    let mut theme = Theme::default();
    for (index, row) in source.lines().enumerate() {
        let Some((name, color)) = row.split_once(':') else {
            return Err(Problem::Row(index, r#"no "colon""#));
        };

        match name.trim() {
            "text" => theme.text = color.trim().parse()?,
            "back" => theme.back = color.trim().parse()?,
            unknown => return Err(Problem::Name(unknown.to_owned())),
        }
    }
    Ok(theme)
}
"##;

const OTHER: &str = r#"
fn area(shapes: &[Shape]) -> f64 {
    let mut sum = 0.0;
    let mut index = 0;
    while index < shapes.len() {
        if let Shape::Circle { radius } = &shapes[index] {
            sum += radius * radius * PI;
        } else if shapes[index].closed() && !shapes[index].empty() {
            sum -= 2.0 * shapes[index].hole();
        }
        index += 1;
    }
    sum / 2.0
}
"#;

fn of(text: &str) -> Fingerprint {
    Fingerprint::of(text, Rust)
}

#[test]
fn a_renamed_copy_overlaps_and_another_function_does_not() {
    let (one, copy, other) = (of(PARSE), of(COPY), of(OTHER));
    assert!(one.overlap(&copy) >= 0.95, "{}", one.overlap(&copy));
    assert!(one.exact_overlap(&copy) < 0.3, "{}", one.exact_overlap(&copy));
    assert!(one.overlap(&other) < 0.15, "{}", one.overlap(&other));
    assert_eq!(one.overlap(&one), 1.0);
    assert_eq!(one.exact_overlap(&one), 1.0);
    assert_eq!(one.overlap(&copy), copy.overlap(&one));
}

#[test]
fn the_whole_contains_its_part() {
    let whole = of(&[OTHER, PARSE].concat());
    let part = of(PARSE);
    assert!(part.containment(&whole) > 0.85, "{}", part.containment(&whole));
    assert!(part.overlap(&whole) < 0.8, "{}", part.overlap(&whole));
    assert!(of("").containment(&whole) == 0.0);
}

#[test]
fn estimates_are_accurate_for_long_texts() {
    // 300 different statements each, of which 100 are shared.
    let statement = |number: usize| {
        let operator = |at: usize| ["+", "-", "*", "/", "%", "&", "|", "^"][(number >> (3 * at)) & 7];
        format!("a {} b {} c {} d;\n", operator(0), operator(1), operator(2))
    };
    let text = |range: std::ops::Range<usize>| range.map(statement).collect::<String>();
    let (one, two) = (of(&text(0..300)), of(&text(200..500)));
    let words = |text: &str| {
        let tokens = lexer::tokens(text, Rust);
        let symbols = tokens
            .iter()
            .map(|token| if token.kind == Kind::Name { "n" } else { token.text });
        let symbols: Vec<&str> = symbols.collect();
        symbols
            .windows(RUN)
            .map(<[&str]>::concat)
            .collect::<std::collections::HashSet<_>>()
    };
    let (a, b) = (words(&text(0..300)), words(&text(200..500)));
    let truth = a.intersection(&b).count() as f32 / a.union(&b).count() as f32;
    assert!(
        (one.overlap(&two) - truth).abs() < 0.15,
        "{} is not {truth}",
        one.overlap(&two)
    );
    let part = a.intersection(&b).count() as f32 / a.len().min(b.len()) as f32;
    let (found, truth) = (one.containment(&two), part);
    assert!((found - truth).abs() < 0.15, "{found} is not {truth}");
}

#[test]
fn only_lines_of_code_count() {
    let one = of("/// Doc.\n#[inline]\nfn f() {\n\n    // Why.\n    g(); /* and\n    how */ h();\n}\n");
    assert_eq!(one.lines(), 5);
    assert!(of("// Nothing.\n/* at\nall */\n").is_empty());
    assert_eq!(of("// Nothing.\n").lines(), 0);
}

#[test]
fn comments_do_not_matter_in_any_language() {
    for (language, bare, commented) in [
        (
            Rust,
            "fn f() { g('a', \"b\") }",
            "/* a /* b */ c */ fn f() { // x\n g('a', \"b\") }",
        ),
        (
            Python,
            "def f():\n    return g('#')\n",
            "def f():\n    '''Why.'''\n    # what\n    return g('#')  # so\n",
        ),
        (
            Python,
            "def f(): return 1",
            "def f():\n    \"\"\"One\n    'two'\n    \"\"\"\n    return 1",
        ),
        (Python, "a = 1\nb = 2", "a = 1 #[old]\nb = 2"),
        (JavaScript, "f(`//`, /[/]*/)", "/** @x */ f(`//`, // why\n/[/]*/)"),
        (TypeScript, "let a = 'x'", "let a /* number */ = 'x' // y"),
        (Tsx, "let a = 'x'", "let a /* number */ = 'x' // y"),
        (Go, "x := `a // b`", "// c\nx := `a // b` /* d */"),
        (Java, "int a = 'b';", "/** Doc. */\nint a /* x */ = 'b'; // y"),
        (C, "int a = '\"';", "int a /* \" */ = '\"'; // '"),
        (Cpp, "auto a = R\"x(// )\" )x\";", "auto a = R\"x(// )\" )x\"; // y"),
        (CSharp, "var a = @\"c:\\\";", "var a = @\"c:\\\"; // b\n/* c */"),
        (Ruby, "a = \"#{b}\"", "# x\n=begin\nb = 1\n=end\na = \"#{b}\" # y"),
        (Php, "$a = '#'; #[B]", "# x\n$a = '#'; // y\n/* z */ #[B]"),
        (Bash, "echo \"$#\" ${#a} a#b", "# x\necho \"$#\" ${#a} a#b # c"),
        (Lua, "a = [[ -- b ]]", "-- x\n--[==[ a\nb ]] ]==] a = [[ -- b ]]"),
        (Json, "{\"a\": \"//\"}", "{\"a\": \"//\"} // b"),
        (Toml, "a = '#'", "# b\na = '#' # c"),
        (Yaml, "a: b#c", "# d\na: b#c # e"),
        (Other, "a = 'b'", "# x\na = 'b' // y"),
    ] {
        let texts = [bare, commented].map(|text| {
            let tokens = lexer::tokens(text, language);
            tokens.iter().map(|token| token.text.to_owned()).collect::<Vec<_>>()
        });
        assert_eq!(texts[0], texts[1], "{language:?}");
        let [one, two] = [bare, commented].map(|text| Fingerprint::of(text, language));
        assert_eq!(one.overlap(&two), 1.0, "{language:?}");
    }
}

#[test]
fn strings_and_patterns_are_one_token() {
    let literals = |text: &str, language| {
        let tokens = lexer::tokens(text, language);
        let literals = tokens.iter().filter(|token| token.kind == Kind::Literal);
        literals.map(|token| token.text.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        literals("a(r#\"x\"y\"#, b'c', '\\'', 'ß', &'a b, 1_000.5)", Rust),
        ["r#\"x\"y\"#", "b'c'", "'\\''", "'ß'", "1_000.5"]
    );
    assert_eq!(
        literals("f(rb'x', F\"y\\\"z\", u'')", Python),
        ["rb'x'", "F\"y\\\"z\"", "u''"]
    );
    assert_eq!(literals("x = a if'b' else'c'", Python), ["'b'", "'c'"]);
    assert_eq!(literals("a = /b\\/c/g; d / e / f", JavaScript), ["/b\\/c/"]);
    assert_eq!(literals("f(`a 'b' ${c}`)", JavaScript), ["`a 'b' ${c}`"]);
    assert_eq!(literals("f(`a`, 'b')", Python), ["'b'"]);
    assert_eq!(literals("return /a b/", JavaScript), ["/a b/"]);
    assert!(literals("this / a / b; f(c) / d / e", JavaScript).is_empty());
    assert_eq!(literals("x = \"\"\"sql\"\"\"", Python), ["\"\"\"sql\"\"\""]);
    assert_eq!(
        literals("f(R\"(a\")\", R\"xyz()\" )xyz\", 'c')", Cpp),
        ["R\"(a\")\"", "R\"xyz()\" )xyz\"", "'c'"]
    );
    assert_eq!(literals("x = \"open\ny = 'b'", Python), ["\"open", "'b'"]);
    assert_eq!(literals("x = \"open\ny = \"b\"", Python), ["\"open", "\"b\""]);
    assert_eq!(literals("x = \"open\nb\" + 'c'", Php), ["\"open\nb\"", "'c'"]);
    assert_eq!(
        literals("\"\"\"sql\"\"\"\nf(\n  \"\"\"sql\"\"\"\n)", Python),
        ["\"\"\"sql\"\"\""]
    );
    for literal in [
        r#"@"say ""no"" to C:\""#,
        r#"$@"{name} says ""no""""#,
        r#"@$"{name} says ""no""""#,
        r#"@"""#,
        r#"@"""""#,
        "@\"one\ntwo\"",
        r#"$"{name}\"s""#,
        r#""""C:\""""#,
        r#""""a "quoted" word""""#,
        r#"$"""{name} says "no".""""#,
        r#"$$"""{{name}} says "no".""""#,
        r#"""""a """ b"""""#,
        "\"\"\"\n    one\n    \"two\"\n    \"\"\"",
    ] {
        let text = format!("f({literal}, a)");
        assert_eq!(literals(&text, CSharp), [literal]);
        let names = lexer::tokens(&text, CSharp);
        let names = names.iter().filter(|token| token.kind == Kind::Name);
        assert_eq!(
            names.map(|token| token.text).collect::<Vec<_>>(),
            ["f", "a"],
            "{literal}"
        );
    }
    // Two raw strings of C++ with the same delimiter, far from the beginning.
    let text = r##"f(number, R"x(a "b" )y")x", R"x(c)x", R"(d)")"##;
    assert_eq!(
        literals(text, Cpp),
        [r##"R"x(a "b" )y")x""##, r#"R"x(c)x""#, r#"R"(d)""#]
    );
    // An empty string is not the beginning of a raw one.
    assert_eq!(literals(r#"f("", "a")"#, CSharp), [r#""""#, r#""a""#]);
}

#[test]
fn tokens_begin_and_end_as_in_their_language() {
    for (language, text, expected) in [
        (Rust, "1..5", &["1", "..", "5"][..]),
        (Rust, "1.max(2.5)", &["1", ".", "max", "(", "2.5", ")"]),
        (Rust, "pair.0", &["pair", ".", "0"]),
        (Rust, "a$b", &["a", "$b"]),
        (Rust, "$ b", &["$", "b"]),
        (JavaScript, "a$b", &["a$b"]),
        (Php, "$a + $b", &["$a", "+", "$b"]),
        (
            Rust,
            r##"r"a" b r#"c"d"# br"e" f"##,
            &[r#"r"a""#, "b", r##"r#"c"d"#"##, r#"br"e""#, "f"],
        ),
        (Python, "a=1#b", &["a", "=", "1"]),
        (Bash, "a=1#b", &["a", "=", "1", "#", "b"]),
        (Lua, "[==[a]]b]==] c", &["[==[a]]b]==]", "c"]),
        (Go, "a<<2 != b", &["a", "<<", "2", "!=", "b"]),
    ] {
        let tokens = lexer::tokens(text, language);
        let texts: Vec<&str> = tokens.iter().map(|token| token.text).collect();
        assert_eq!(texts, expected, "{language:?}");
    }
}

#[test]
fn tiny_texts_overlap_only_with_themselves() {
    let empty = of("");
    assert!(empty.is_empty() && empty.lines() == 0);
    assert_eq!(empty.overlap(&empty), 0.0);
    assert_eq!(empty.overlap(&of("a")), 0.0);
    assert!(!of("a").is_empty());
    assert_eq!(of("a").overlap(&of("b")), 1.0);
    assert_eq!(of("a").exact_overlap(&of("b")), 0.0);
    assert_eq!(of("a();").overlap(&of("a()")), 0.0);
    assert_eq!(of("a(b)").exact_overlap(&of("a(b)")), 1.0);
}

#[test]
fn prose_is_compared_by_its_words() {
    let prose = |text| Fingerprint::of(text, Markdown);
    let one = prose("# Install\n\nRun `cargo install fovea` and restart the editor.\n");
    let two = prose("## Install\n\nRun cargo install fovea, and restart the *editor*.\n");
    let other = prose("# Build\n\nThe compiler needs two minutes and a lot of memory.\n");
    assert_eq!(one.overlap(&two), 1.0);
    assert_eq!(one.overlap(&other), 0.0);
    assert_eq!(one.lines(), 2);
}

#[test]
fn used_names_are_recorded() {
    let uses = |text, language| Fingerprint::of(text, language);
    let rust = uses(
        "#[inline]\nfn f(a: Config) -> u8 {\n    let b = c(d);\n    a.e(format!(\"\"));\n}",
        Rust,
    );
    for name in ["c", "e", "format", "Config"] {
        assert!(rust.uses(name), "{name}");
    }
    assert!(!rust.uses("d") && !rust.uses("inline") && !rust.uses("b"));
    let class = uses(
        "@dataclass\nclass Cat(Animal):\n    def purr(self):\n        pass\n",
        Python,
    );
    assert!(class.uses("Animal") && !class.uses("dataclass"));
    let ruby = uses("def a\n  load_all\n  b.save\nend\n", Ruby);
    assert!(ruby.uses("load_all") && ruby.uses("save"));
    let bash = uses("f() {\n  check \"$1\"\n}\n", Bash);
    assert!(bash.uses("check"));
}

#[test]
fn a_fingerprint_survives_serialization() {
    let long = PARSE.repeat(3) + OTHER;
    let calls: String = (0..100)
        .map(|number| format!("call{number}(x * {number} + [y]);\n"))
        .collect();
    for text in ["", "a", PARSE, &long, &calls] {
        let one = of(text);
        let bytes = one.to_bytes();
        assert!(bytes.len() <= 600, "{}", bytes.len());
        assert_eq!(Fingerprint::from_bytes(&bytes).as_ref(), Some(&one));
        for cut in [0, 1, HEAD - 1, bytes.len() - 1] {
            assert_eq!(Fingerprint::from_bytes(&bytes[..cut]), None);
        }
        let mut newer = bytes.clone();
        newer[0] = VERSION + 1;
        assert_eq!(Fingerprint::from_bytes(&newer), None);
    }
}

#[test]
fn bytes_are_the_same_in_every_version() {
    // An index outlives the program: a change here must raise VERSION.
    let bytes = of("fn f() { g(1) }").to_bytes();
    let sum = bytes.iter().fold(0u64, |sum, byte| mix(sum ^ u64::from(*byte)));
    assert_eq!((bytes.len(), sum), (74, 3_808_703_017_219_335_184));
}

#[test]
fn anything_can_be_read() {
    use crate::text::Language;
    let pieces = [
        "'", "\"", "\"\"\"", "/*", "*/", "//", "`", "r#\"", "R\"(", "[[", "--[[", "#", "\\", "\n", "ß", "a", "(",
        "=begin",
    ];
    let languages = [
        Rust,
        Python,
        JavaScript,
        TypeScript,
        Tsx,
        Go,
        Java,
        C,
        Cpp,
        CSharp,
        Ruby,
        Php,
        Bash,
        Lua,
        Markdown,
        Json,
        Toml,
        Yaml,
        Prose,
        Language::Other,
    ];
    for language in languages {
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    let text = [a, b, c, "x y\n", a].concat();
                    let tokens = lexer::tokens(&text, language);
                    assert!(tokens.iter().all(|token| !token.text.is_empty()));
                }
            }
        }
    }
}

#[test]
fn long_texts_take_linear_time() {
    for piece in ["/", "'", "\"", "'\\", "r#", "/*", "a/", "[=", "`", "b'"] {
        let text = piece.repeat(20_000);
        for language in [Rust, JavaScript, Python, Lua, Cpp, Ruby] {
            let start = std::time::Instant::now();
            Fingerprint::of(&text, language);
            assert!(start.elapsed().as_secs() < 5, "{piece} in {language:?}");
        }
    }
}
