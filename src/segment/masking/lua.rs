//! Blocks of Lua without their `end` during typing. Without a fix, all following code would be inside them.
//!
//! As for brackets ([`super::brackets`]): only if `end` is missing, indentation identifies the block that lacks it.

use super::brackets::{line_end, string_end};
use crate::text::ByteRange;

/// A keyword that opens a block.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Indentation of its line in bytes.
    indent: usize,
    /// The first token of its line, and the end of the line.
    line: (usize, usize),
    function: bool,
}

/// The lines to blank: those that open a block which is still open where the indentation says that it has ended.
pub(super) fn unclosed(text: &str) -> Vec<ByteRange> {
    let words = keywords(text.as_bytes());
    let depth = |depth: isize, word: &Word| depth + if word.opens { 1 } else { -1 };
    // A text with as many `end` as blocks is not changed, whatever its layout.
    if words.iter().fold(0, depth) <= 0 {
        return Vec::new();
    }
    let mut unclosed = Vec::new();
    let mut open: Vec<Block> = Vec::new();
    for Word { opens, begins, block } in words {
        // A function at the indentation of an open one is a sibling. Inside of a table or call, it is further right.
        let sibling = |left: &Block| left.indent == block.indent && opens && block.function && left.function;
        let ended = |left: &mut Block| begins && (left.indent > block.indent || sibling(left));
        while let Some(left) = open.pop_if(ended) {
            unclosed.push(left.line.0..left.line.1);
        }
        if opens {
            open.push(block);
        } else {
            open.pop();
        }
    }
    unclosed.sort_by_key(|line| line.start);
    unclosed.dedup();
    unclosed
}

/// A keyword that opens or closes a block.
#[derive(Debug, Clone, Copy)]
struct Word {
    opens: bool,
    /// Whether its line begins with it, or with `local`.
    begins: bool,
    block: Block,
}

/// The keywords outside of comments and strings.
fn keywords(bytes: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut at, mut line, mut first) = (0, 0, None);
    while let Some(&byte) = bytes.get(at) {
        if matches!(byte, b'\n' | b'\r') {
            (line, first) = (at + 1, None);
            at += 1;
            continue;
        }
        if matches!(byte, b' ' | b'\t') {
            at += 1;
            continue;
        }
        let (line_start, indent) = *first.get_or_insert((at, at - line));
        match byte {
            b'-' if bytes[at..].starts_with(b"--") => {
                at = long_end(bytes, at + 2).unwrap_or_else(|| line_end(bytes, at));
            }
            b'"' | b'\'' => at = string_end(bytes, at),
            b'[' => at = long_end(bytes, at).unwrap_or(at + 1),
            _ if is_word(byte) => {
                let length = bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
                let word = &bytes[at..at + length];
                // `while` and `for` open their block with `do`.
                let opens = matches!(word, b"function" | b"if" | b"do" | b"repeat");
                // `a.end` and `a["end"]` are no keywords.
                let field = at > 0 && matches!(bytes[at - 1], b'.' | b':');
                if !field && (opens || matches!(word, b"end" | b"until")) {
                    let before = bytes[line_start..at].trim_ascii();
                    words.push(Word {
                        opens,
                        begins: before.is_empty() || before == b"local",
                        block: Block {
                            indent,
                            line: (line_start, line_end(bytes, at)),
                            function: word == b"function",
                        },
                    });
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    words
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The end of the long bracket that begins here: `[[…]]`, `[=[…]=]`.
fn long_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?.strip_prefix(b"[")?;
    let level = rest.iter().take_while(|byte| **byte == b'=').count();
    (rest.get(level) == Some(&b'[')).then_some(())?;
    let end = [b"]", &*vec![b'='; level], b"]"].concat();
    let content = &rest[level + 1..];
    let found = content.windows(end.len()).position(|window| window == end);
    Some(found.map_or(bytes.len(), |found| at + level + 2 + found + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        unclosed(text).into_iter().flatten().for_each(|at| bytes[at] = b' ');
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn complete_blocks_are_kept_in_any_layout() {
        for text in [
            "local function a()\nif x then y() elseif z then\n  w()\nelse v() end\n    end\n",
            "for i = 1, 2 do f(function() return i end) end\nrepeat\n  x()\nuntil y\nwhile x do\n  y()\nend\n",
            "--[[ if x then\nfunction ]]\nlocal s = [==[ do ]] ]==] .. 'if \\' do' -- function\nx.end_ = y['end']\n",
            "return {\n  a = function()\n  end,\n  b = function() end,\n}\n",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn the_line_that_opens_a_block_without_an_end_is_blank() {
        for open in ["if x then", "for i = 1, 3 do", "while x do", "y = function(z)"] {
            let text = format!("local function a()\n  {open}\n  b()\nend\n\nfunction M.c()\nend\n");
            assert_eq!(masked(&text), text.replace(open, &" ".repeat(open.len())), "{open}");
        }
        let typed = "function M.a(x)\n  b()\n\nfunction M.c()\nend\n";
        assert_eq!(masked(typed), typed.replace("function M.a(x)", &" ".repeat(15)));
    }
}
