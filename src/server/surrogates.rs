//! Repairs lone surrogates in JSON.

/// Replaces lone surrogates in JSON with U+FFFD; `None` if there are none.
///
/// Editors written in JavaScript send half a surrogate pair as `"\ud83d"`. That is not valid Unicode, and JSON parsers reject it. U+FFFD is
/// also one UTF-16 unit, so positions stay correct.
pub fn replace_lone(body: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| -> Option<u16> {
        let escape = body.get(at..at + 6)?;
        if &escape[..2] != b"\\u" {
            return None;
        }
        u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
    };
    let mut out = Vec::with_capacity(body.len());
    let mut replaced = false;
    let mut at = 0;
    while at < body.len() {
        if body[at] != b'\\' {
            out.push(body[at]);
            at += 1;
            continue;
        }
        let taken = match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.extend_from_slice(b"\\ufffd");
                replaced = true;
                at += 6;
                continue;
            }
            _ => 2,
        };
        let end = (at + taken).min(body.len());
        out.extend_from_slice(&body[at..end]);
        at = end;
    }
    replaced.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_surrogate_becomes_one_replacement_character() {
        let replaced = replace_lone(br#"["\ud83d \ude00\\ud83d \ud83d\ude00"]"#).unwrap();
        let texts: Vec<String> = serde_json::from_slice(&replaced).unwrap();
        assert_eq!(texts, ["\u{fffd} \u{fffd}\\ud83d \u{1F600}"]);
    }

    #[test]
    fn whole_pairs_and_truncated_escapes_stay() {
        for body in [&br#""\ud83d\ude00""#[..], br#""\n\\""#, br#""\ud8"#, br#""\"#] {
            assert_eq!(replace_lone(body), None);
        }
    }
}
