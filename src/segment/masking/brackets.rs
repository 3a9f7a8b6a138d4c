//! Unclosed brackets during typing, in languages with braces. Without a fix, all following code would be inside them.
//!
//! If brackets do not match, indentation identifies the wrong one: a closing brace has the indentation of the line that opened it, and a
//! definition is indented no further than the previous one. A text with matching brackets is not changed, whatever its layout.

use crate::text::{ByteRange, Language};

/// Words that begin a definition.
const DEFINING: &[&str] = &[
    "func",
    "type",
    "function",
    "class",
    "interface",
    "enum",
    "record",
    "export",
    "public",
    "private",
    "protected",
    "internal",
    "static",
    "abstract",
    "final",
    "override",
    "namespace",
    "struct",
    "trait",
    "package",
    "import",
    "def",
    "local",
    "module",
];

/// Words before parentheses and a brace that are not definitions.
const CONTROL: &[&str] = &[
    "if",
    "else",
    "for",
    "foreach",
    "while",
    "switch",
    "match",
    "try",
    "catch",
    "finally",
    "do",
    "return",
    "with",
    "using",
    "lock",
    "synchronized",
    "case",
    "default",
    "select",
    "go",
    "defer",
    "await",
    "throw",
    "new",
    "elseif",
];

/// A bracket, or the first token of a line.
#[derive(Debug, Clone, Copy)]
struct Sign {
    at: usize,
    sign: u8,
    /// Indentation of its line in bytes.
    indent: usize,
    /// Whether it is the first token of its line.
    begins: bool,
}

/// The ranges to blank in the parser input, and the positions for closing braces.
pub(super) fn unclosed(text: &str, language: Language) -> (Vec<ByteRange>, Vec<usize>) {
    use Language::{C, CSharp, Cpp, Go, Java, JavaScript, Lua, Php, Ruby, Tsx, TypeScript};
    if !matches!(
        language,
        C | Cpp | CSharp | Go | Java | JavaScript | Lua | Php | Ruby | Tsx | TypeScript
    ) {
        return (Vec::new(), Vec::new());
    }
    let (signs, strings) = signs(text.as_bytes(), language);
    if all_match(&signs) {
        return (strings, Vec::new());
    }
    let (mut blanks, braces) = find_wrong(text, &signs);
    blanks.extend(strings);
    (blanks, braces)
}

fn find_wrong(text: &str, signs: &[Sign]) -> (Vec<ByteRange>, Vec<usize>) {
    let (mut blanks, mut braces): (Vec<ByteRange>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut open: Vec<Sign> = Vec::new();
    for (number, sign) in signs.iter().enumerate() {
        let first = match sign.sign {
            b'(' | b'[' | b'{' if !sign.begins => {
                open.push(*sign);
                continue;
            }
            b')' | b']' | b'}' => {
                let further = |open: &Sign| sign.begins && open.indent > sign.indent;
                let mismatch = |open: &Sign| sign.sign == b'}' && open.sign != b'{';
                let some = open.iter().any(|open| open.sign == opening(sign.sign));
                while let Some(left) = open.pop_if(|open| some && (further(open) || mismatch(open))) {
                    blank(text, &left, &mut blanks);
                }
                open.pop_if(|open| open.sign == opening(sign.sign));
                continue;
            }
            _ => sign,
        };
        let defines = begins_definition(text, first.at);
        let before = |open: &mut Sign| open.indent > first.indent || (open.indent == first.indent && defines);
        let mut room = first.at;
        while let Some(left) = open.pop_if(before) {
            // The body of a definition ends here, if there is a blank for the brace. Otherwise, a grammar handles an unclosed body better
            // than a definition without a body.
            let room_before = room > 0 && matches!(text.as_bytes()[room - 1], b' ' | b'\t');
            if left.sign == b'{' && room_before {
                room -= 1;
                braces.push(room);
            } else if left.sign == b'{'
                && left.indent == first.indent
                && let Some(last) = last_line(text, &signs[..number], left.at, &blanks)
            {
                // The last statement makes room for the brace.
                braces.push(last.start);
                blanks.push(last);
            } else if left.indent > first.indent || left.sign != b'{' {
                blank(text, &left, &mut blanks);
            }
        }
        if matches!(first.sign, b'(' | b'[' | b'{') {
            open.push(*first);
        }
    }
    blanks.sort_by_key(|blank| blank.start);
    (blanks, braces)
}

/// Blanks a bracket, and an arrow beside it or at the end of its line: without a body, it would swallow what follows.
fn blank(text: &str, left: &Sign, blanks: &mut Vec<ByteRange>) {
    blanks.push(left.at..left.at + 1);
    let line = &text[..line_end(text.as_bytes(), left.at)];
    let ends = [
        line[..left.at].trim_end_matches([' ', '\t']).len(),
        line.trim_end().len(),
    ];
    for end in ends {
        if line[..end].ends_with("=>") && !blanks.iter().any(|blank| blank.contains(&(end - 1))) {
            blanks.push(end - 2..end);
        }
    }
}

/// The tokens of the last line after a bracket, unless they open or close another one.
fn last_line(text: &str, before: &[Sign], open: usize, blanks: &[ByteRange]) -> Option<ByteRange> {
    let at = before.iter().rposition(|sign| sign.begins)?;
    let is_kept = |sign: &&Sign| !blanks.iter().any(|blank| blank.contains(&sign.at));
    let own: Vec<Sign> = before[at..].iter().filter(is_kept).copied().collect();
    let first = before[at].at;
    (first > open && all_match(&own)).then(|| first..line_end(text.as_bytes(), first))
}

fn opening(closing: u8) -> u8 {
    match closing {
        b')' => b'(',
        b']' => b'[',
        _ => b'{',
    }
}

/// Whether all brackets match.
fn all_match(signs: &[Sign]) -> bool {
    let mut open: Vec<u8> = Vec::new();
    for sign in signs {
        match sign.sign {
            b'(' | b'[' | b'{' => open.push(sign.sign),
            b')' | b']' | b'}' if open.pop() != Some(opening(sign.sign)) => return false,
            _ => {}
        }
    }
    open.is_empty()
}

/// Whether a line begins a definition: by its first word, or by parameters and brace.
fn begins_definition(text: &str, at: usize) -> bool {
    // Attributes and annotations belong to what follows.
    let mut lines = text[at..].lines().map(str::trim);
    let is_attribute =
        |line: &&str| line.starts_with('[') && line.ends_with(']') || line.starts_with('@') && !line.ends_with('{');
    let line = lines.find(|line| !is_attribute(line)).unwrap_or_default();
    let word: &str = line
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .next()
        .unwrap_or_default();
    // `public:` is an access specifier in C++, and `default:` a label.
    let section = line[word.len()..].trim_start().starts_with(':');
    if word.is_empty() || section || CONTROL.contains(&word) {
        return false;
    }
    DEFINING.contains(&word) || (line.contains('(') && line.trim_end().ends_with('{') && !line.contains("=>"))
}

/// The brackets outside of comments and strings, and the first token of each line. And strings without an end on their line, in languages where
/// they end there.
fn signs(bytes: &[u8], language: Language) -> (Vec<Sign>, Vec<ByteRange>) {
    use Language::{C, CSharp, Cpp, Go, Java, Lua};
    let short_strings = matches!(language, C | Cpp | CSharp | Go | Java | Lua);
    let mut strings = Vec::new();
    let scripts = matches!(language, Language::JavaScript | Language::TypeScript | Language::Tsx);
    let directives = matches!(language, Language::C | Language::Cpp | Language::CSharp);
    let mut signs = Vec::new();
    let (mut at, mut line, mut indent, mut begins) = (0, 0, 0, true);
    // The last non-blank character: after a value, a slash is a division.
    let mut before = b';';
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied().unwrap_or(0);
        match byte {
            b'\n' | b'\r' => {
                (line, begins) = (at + 1, true);
                at += 1;
                continue;
            }
            b' ' | b'\t' => {
                at += 1;
                continue;
            }
            b'/' if next == b'/' => {
                at = line_end(bytes, at);
                continue;
            }
            // In Ruby, `#{` is a value inside a string or pattern that the scan does not know.
            b'#' if language == Language::Php || (language == Language::Ruby && next != b'{') => {
                at = line_end(bytes, at);
                continue;
            }
            b'#' if begins && directives => {
                at = match directive(bytes, at) {
                    // Each branch of a conditional may open the same block, so only the first one counts.
                    b"else" | b"elif" => conditional_end(bytes, at),
                    _ => directive_end(bytes, at),
                };
                continue;
            }
            b'-' if next == b'-' && language == Language::Lua => {
                at = line_end(bytes, at);
                continue;
            }
            b'/' if next == b'*' => {
                at = after(bytes, at + 2, b"*/");
                continue;
            }
            _ => {}
        }
        if begins {
            indent = at - line;
        }
        let bracket = matches!(byte, b'(' | b'[' | b'{' | b')' | b']' | b'}');
        if bracket || begins {
            let sign = if bracket { byte } else { 0 };
            signs.push(Sign {
                at,
                sign,
                indent,
                begins,
            });
        }
        begins = false;
        at = match byte {
            b'"' if bytes[at..].starts_with(b"\"\"\"") && !scripts => after(bytes, at + 3, b"\"\"\""),
            b'"' if before == b'@' && language == Language::CSharp => after(bytes, at + 1, b"\""),
            b'"' => {
                let end = string_end(bytes, at);
                // Raw, verbatim and interpolated strings may go on.
                let short = short_strings && !matches!(before, b'R' | b'@' | b'$');
                if short && (end - at < 2 || bytes[end - 1] != b'"') {
                    // A binding without a value is read better than one whose value is missing.
                    let bound = bytes[..at].trim_ascii_end();
                    let from = if bound.ends_with(b"=") { bound.len() - 1 } else { at };
                    strings.push(from..end);
                }
                end
            }
            b'\'' => string_end(bytes, at),
            b'`' if scripts || language == Language::Go => template_end(bytes, at, scripts),
            b'/' if scripts && b"(,=:[!&|?{};+".contains(&before) => string_end(bytes, at),
            _ => at + 1,
        };
        before = byte;
    }
    (signs, strings)
}

/// The end of the line, without its break.
pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    let length = bytes[at..]
        .iter()
        .take_while(|byte| !matches!(byte, b'\n' | b'\r'))
        .count();
    at + length
}

/// The directives of conditionals, and their branches but the first.
pub(super) fn branches(bytes: &[u8]) -> Vec<ByteRange> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at + indentation(bytes, at);
        let mut end = line_end(bytes, start);
        if bytes.get(start) == Some(&b'#') {
            match directive(bytes, start) {
                b"if" | b"endif" => found.push(start..end),
                b"else" | b"elif" => {
                    end = conditional_end(bytes, start);
                    found.push(start..end);
                }
                _ => {}
            }
        }
        at = end + 1;
    }
    found
}

/// The number of blanks and tabs here.
fn indentation(bytes: &[u8], at: usize) -> usize {
    let blanks = bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    blanks.count()
}

/// The name of the preprocessor directive whose `#` is here.
fn directive(bytes: &[u8], at: usize) -> &[u8] {
    let rest = bytes[at + 1..].trim_ascii_start();
    let length = rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    &rest[..length]
}

/// The end of the conditional directive that contains this branch.
fn conditional_end(bytes: &[u8], mut at: usize) -> usize {
    let mut inner = 0;
    loop {
        at = (line_end(bytes, at) + 1).min(bytes.len());
        let indent = indentation(bytes, at);
        match bytes.get(at + indent) {
            None => return bytes.len(),
            Some(b'#') => match directive(bytes, at + indent) {
                b"if" | b"ifdef" | b"ifndef" => inner += 1,
                b"endif" if inner == 0 => return line_end(bytes, at),
                b"endif" => inner -= 1,
                _ => {}
            },
            Some(_) => {}
        }
    }
}

/// The end of a preprocessor directive, including continuation lines.
fn directive_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = line_end(bytes, at);
        if at == 0 || bytes[at - 1] != b'\\' || at >= bytes.len() {
            return at;
        }
        at += 1;
    }
}

/// The end of the next occurrence.
fn after(bytes: &[u8], at: usize, end: &[u8]) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let found = rest.windows(end.len()).position(|window| window == end);
    found.map_or(bytes.len(), |found| at + found + end.len())
}

/// The end of a string or pattern, at the latest the end of its line. A character class of a pattern may contain a slash.
pub(super) fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let (mut at, mut class) = (start + 1, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' | b'\r' => return at,
            b'[' if quote == b'/' => class = true,
            b']' if quote == b'/' => class = false,
            _ if byte == quote && !class => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The end of a multi-line string in backticks.
fn template_end(bytes: &[u8], start: usize, escapes: bool) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if escapes => at += 1,
            b'`' => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that a parser would receive.
    fn masked(text: &str, language: Language) -> String {
        let (blanks, braces) = unclosed(text, language);
        let mut bytes = text.as_bytes().to_vec();
        blanks.into_iter().flatten().for_each(|at| bytes[at] = b' ');
        braces.into_iter().for_each(|at| bytes[at] = b'}');
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn matching_brackets_are_kept_in_any_layout() {
        for (text, language) in [
            ("function a() {\nif (x) {\n  y(`{${[`)\n}\n  }\n", Language::JavaScript),
            (
                "const r = /[(/]{2}/, s = \"({\"; // ({[\n/* {{ */ f({ a: 1 })\n",
                Language::TypeScript,
            ),
            (
                "class A {\nString s = \"\"\"\n  {{{\n\"\"\"; char c = '{';\nvoid m() {}\n}\n",
                Language::Java,
            ),
            (
                "#define TWO(x) \\\n  { x; \\\n    {\nint a(void) {\n  return 1;\n}\n",
                Language::C,
            ),
            ("var s = @\"{\n\\\"; #region {\n", Language::CSharp),
            (
                "void a() {\n#if X\n  if (b) {\n#elif Y\n# if Z\n  if (c) {\n# endif\n#else\n  if (d) {\n#endif\n  }\n}\n",
                Language::C,
            ),
            (
                "class A {\n  #m() {\n    y({\n  z: 1 });\n  }\n}\n",
                Language::JavaScript,
            ),
        ] {
            assert_eq!(masked(text, language), text);
        }
    }

    #[test]
    fn a_bracket_that_contradicts_the_indentation_is_fixed() {
        let java = "class A {\n    void m() {\n        if (x) {\n        y();\n    }\n\n    void n() {\n    }\n}\n";
        assert_eq!(masked(java, Language::Java), java.replace("if (x) {", "if (x)  "));
        let ends = "class A {\n    void m() {\n        y();\n\n    void n() {\n    }\n}\n";
        assert_eq!(masked(ends, Language::Java), ends.replace("    void n", "   }void n"));
        let go = "func a() {\n\tcall(\n\tx()\n}\n\nfunc b() {\n}\n";
        assert_eq!(masked(go, Language::Go), go.replace("call(", "call "));
        let ruby = "class A\n  def a\n    x = [\n    y\n  end\n\n  def b\n  end\nend\n";
        assert_eq!(masked(ruby, Language::Ruby), ruby.replace("[", " "));
        let lua = "local function a()\n  x {\nend\n\nlocal function b()\nend\n";
        assert_eq!(masked(lua, Language::Lua), lua.replace("{", " "));
        let branches = "#if X\nint a;\n#else\nint a(void) {\n#endif\nint b(void) {\n  call(\n}\n\nint c(void) {\n}\n";
        assert_eq!(masked(branches, Language::C), branches.replace("call(", "call "));
        let string = "class A {\n    String s = \"abc;\n    void b() {\n    }\n}\n";
        assert_eq!(masked(string, Language::Java), string.replace("= \"abc;", "       "));
        let top = "func a() {\n\tx()\n\ty()\n\nfunc b() {\n}\n";
        assert_eq!(masked(top, Language::Go), top.replace("y()", "}  "));
        let c = "int a(int x) {\n  call(\n\nint b(void) {\n}\n";
        assert_eq!(masked(c, Language::C), c.replace("call(", "}    "));
        let annotated =
            "class A {\n    void M() {\n        x(y => {\n    }\n\n    [Fact]\n    public void N() {\n    }\n}\n";
        assert_eq!(
            masked(annotated, Language::CSharp),
            annotated.replace("x(y => {", "x y     ")
        );
        let switch = "func a() {\n\tswitch x {\n\tcase 1:\n\t\tcall(\n\t}\n}\n";
        assert_eq!(masked(switch, Language::Go), switch.replace("call(", "call "));
    }
}
