//! Finds the names in code that do not describe its behavior: types in signatures, and imports.

use crate::text::ByteRange;

/// First words of lines that import something.
const IMPORTS: [&str; 7] = ["import", "from", "use", "using", "require", "#include", "package"];

/// The ranges of a text that name types or other files: annotations in the signature, and lines that import.
pub(super) fn aside(text: &str) -> Vec<ByteRange> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut in_signature = true;
    for line in text.split_inclusive('\n') {
        let first = line.trim_start().split([' ', '(', '\t']).next().unwrap_or_default();
        let comment = first.starts_with(['#', '/', '@', '*']) && first != "#include";
        if IMPORTS.contains(&first) {
            found.push(start..start + line.len());
        } else if in_signature && !comment {
            found.extend(
                annotations(line)
                    .into_iter()
                    .map(|range| start + range.start..start + range.end),
            );
        }
        let trimmed = line.trim_end();
        in_signature &= trimmed.is_empty() || comment || !trimmed.ends_with([':', '{', ';']);
        start += line.len();
    }
    found
}

/// The annotations of a line of a signature: from a colon or an arrow to the next comma, bracket or assignment.
fn annotations(line: &str) -> Vec<ByteRange> {
    let mut found = Vec::new();
    let mut begin = None;
    let mut depth = 0usize;
    let bytes = line.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match (byte, begin) {
            (b':', None) if bytes.get(at + 1) != Some(&b':') && (at == 0 || bytes[at - 1] != b':') => begin = Some(at),
            (b'>', None) if at > 0 && bytes[at - 1] == b'-' => begin = Some(at),
            (b'[' | b'<' | b'(', Some(_)) => depth += 1,
            (b']' | b'>' | b')', Some(_)) if depth > 0 => depth -= 1,
            (b',' | b')' | b'=' | b'{', Some(from)) if depth == 0 => {
                found.push(from..at);
                begin = None;
            }
            _ => {}
        }
    }
    found.extend(begin.map(|from| from..line.len()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        aside(text).into_iter().map(|range| text[range].trim()).collect()
    }

    #[test]
    fn annotations_in_a_signature_and_imports_are_aside() {
        let python = "# a: note\n@cached\ndef f(self, app: dict[str, Flask], n: int = 3) -> Session | None:\n    import os\n    x: int = {a: b}\n";
        assert_eq!(
            found(python),
            [": dict[str, Flask]", ": int", "> Session | None:", "import os"]
        );
        let rust = "fn load(path: &Path) -> Result<Vec<u8>, Error> {\n    let a: u8 = b::c(d);\n}\n";
        assert_eq!(found(rust), [": &Path", "> Result<Vec<u8>, Error>"]);
    }

    #[test]
    fn a_signature_of_several_lines_ends_with_its_body() {
        let text = "def f(\n    app: Flask,\n    name: str,\n):\n    return {key: value}\n";
        assert_eq!(found(text), [": Flask", ": str", ":"]);
    }
}
