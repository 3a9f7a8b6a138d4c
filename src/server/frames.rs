//! Reads messages from `Content-Length` frames and skips garbage between them.
//!
//! The framework's reader stops for good after one malformed body, so this reader replaces it. It never gives up: an unusable frame
//! produces an error answer, and reading continues at the next header.

use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use tower_lsp::jsonrpc::{Error, Id, Request, Response};

use super::surrogates;

/// Maximum bytes of a body; a longer body is skipped and answered with an error.
pub const MAX_BODY: u64 = 256 << 20;

/// Maximum bytes of a header line; longer lines are garbage.
const MAX_HEADER: u64 = 4096;

/// The content of one frame.
#[derive(Debug)]
pub enum Incoming {
    /// A request or a notification.
    Request(Request),
    /// The client's answer to a request from the server.
    Response(Response),
    /// An unusable frame, with the error to answer.
    Broken(Response),
}

/// Reads the messages of an input one by one.
#[derive(Debug)]
pub struct Frames<R> {
    input: R,
    max_body: u64,
    /// The last bytes were no frame, and the client has been told.
    lost: bool,
}

enum Header {
    Length(u64),
    Garbage,
}

impl<R: AsyncBufRead + Unpin> Frames<R> {
    /// Reads messages of at most `max_body` bytes from an input.
    pub fn new(input: R, max_body: u64) -> Frames<R> {
        Frames {
            input,
            max_body,
            lost: false,
        }
    }

    /// Reads the next message; `None` at the end of the input.
    ///
    /// # Errors
    /// Fails if the input cannot be read.
    pub async fn next(&mut self) -> std::io::Result<Option<Incoming>> {
        let length = match self.header().await? {
            None => return Ok(None),
            Some(Header::Length(length)) => length,
            Some(Header::Garbage) => {
                self.lost = true;
                let reason = "the input is not a Content-Length frame";
                return Ok(Some(broken(Id::Null, Error::parse_error(), reason)));
            }
        };
        self.lost = false;
        if length > self.max_body {
            let skipped = tokio::io::copy_buf(&mut (&mut self.input).take(length), &mut tokio::io::sink()).await?;
            if skipped < length {
                return Ok(None);
            }
            let reason = format!("a message of {length} bytes is over the limit of {}", self.max_body);
            return Ok(Some(broken(Id::Null, Error::invalid_request(), &reason)));
        }
        // The header's length is not trusted for an allocation: the buffer grows as the bytes arrive.
        let mut body = Vec::new();
        (&mut self.input).take(length).read_to_end(&mut body).await?;
        if (body.len() as u64) < length {
            return Ok(None);
        }
        Ok(Some(parse(&body)))
    }

    /// Reads header lines up to the empty line.
    ///
    /// It drops bytes that are no header up to the next `Content-Length`, and reports them once.
    async fn header(&mut self) -> std::io::Result<Option<Header>> {
        let mut length = None;
        let mut line = Vec::new();
        loop {
            if (&mut self.input).take(MAX_HEADER).read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            let text = line.trim_ascii();
            if text.is_empty() {
                if let Some(length) = length {
                    return Ok(Some(Header::Length(length)));
                }
            } else if let Some(at) = find_length(text) {
                // If the previous length was too small, the rest of that body stands before this header on the same line.
                match content_length(&text[at..]) {
                    Some(number) => length = Some(number),
                    None if self.lost => {}
                    None => return Ok(Some(Header::Garbage)),
                }
            } else if !is_header(text) {
                length = None;
                if !self.lost {
                    return Ok(Some(Header::Garbage));
                }
            }
            // Overlong lines are read in pieces, so a piece may end within the header's name.
            let keep = if line.ends_with(b"\n") { 0 } else { partial_name(&line) };
            line.drain(..line.len() - keep);
        }
    }
}

const NAME: &[u8] = b"content-length:";

/// Number of bytes at the end of `bytes` that could start the header's name.
fn partial_name(bytes: &[u8]) -> usize {
    (1..NAME.len())
        .rev()
        .find(|&n| n <= bytes.len() && bytes[bytes.len() - n..].eq_ignore_ascii_case(&NAME[..n]))
        .unwrap_or(0)
}

fn find_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(NAME.len())
        .position(|window| window.eq_ignore_ascii_case(NAME))
}

fn content_length(line: &[u8]) -> Option<u64> {
    std::str::from_utf8(line.get(NAME.len()..)?).ok()?.trim().parse().ok()
}

/// Whether a line has the form `Name: value`; the value is not checked.
fn is_header(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|&b| b == b':') else {
        return false;
    };
    colon > 0 && line[..colon].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// Parses the body of a frame.
pub fn parse(body: &[u8]) -> Incoming {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => match surrogates::replace_lone(body).and_then(|body| serde_json::from_slice(&body).ok()) {
            Some(value) => value,
            None => return broken(Id::Null, Error::parse_error(), &reason(&error)),
        },
    };
    let Value::Object(fields) = &value else {
        return broken(
            Id::Null,
            Error::invalid_request(),
            "a message must be a JSON object; LSP has no batches",
        );
    };
    let is_call = fields.contains_key("method");
    let id = fields
        .get("id")
        .and_then(|id| serde_json::from_value(id.clone()).ok())
        .unwrap_or(Id::Null);
    if is_call {
        return match serde_json::from_value::<Request>(value) {
            Ok(request) => Incoming::Request(request),
            Err(error) => broken(id, Error::invalid_request(), &reason(&error)),
        };
    }
    match serde_json::from_value::<Response>(value) {
        Ok(response) => Incoming::Response(response),
        Err(_) => broken(id, Error::invalid_request(), "neither a request nor a response"),
    }
}

/// The reason from serde, without the input excerpts that some of its messages contain.
fn reason(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => "not a JSON-RPC 2.0 message".to_owned(),
        _ => format!("malformed JSON at line {} column {}", error.line(), error.column()),
    }
}

fn broken(id: Id, mut error: Error, reason: &str) -> Incoming {
    error.message = format!("{}: {reason}", error.code.description()).into();
    Incoming::Broken(Response::from_error(id, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8]) -> Vec<Incoming> {
        let mut frames = Frames::new(tokio::io::BufReader::with_capacity(16, bytes), 1000);
        let mut messages = Vec::new();
        while let Some(message) = frames.next().await.unwrap() {
            messages.push(message);
        }
        messages
    }

    fn frame(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn names(messages: &[Incoming]) -> Vec<String> {
        messages
            .iter()
            .map(|m| match m {
                Incoming::Request(r) => r.method().to_owned(),
                Incoming::Response(_) => "answer".to_owned(),
                Incoming::Broken(r) => r.error().unwrap().code.code().to_string(),
            })
            .collect()
    }

    const A: &str = r#"{"jsonrpc":"2.0","method":"a"}"#;
    const B: &str = r#"{"jsonrpc":"2.0","method":"b","id":1}"#;

    #[tokio::test]
    async fn frames_with_any_headers_are_read() {
        let typed = format!(
            "content-length:{}\nContent-Type: application/vscode-jsonrpc; charset=utf-8\n\n{B}",
            B.len()
        );
        let answer = frame(r#"{"jsonrpc":"2.0","id":3,"result":null}"#);
        assert_eq!(
            names(&all((frame(A) + &typed + &answer).as_bytes()).await),
            ["a", "b", "answer"]
        );
    }

    #[tokio::test]
    async fn reading_continues_after_malformed_bodies() {
        for body in [
            "",
            "{",
            "{\"jsonrpc\":\"2.0\",\"method\":",
            "nonsense",
            "{\"a\":\"\u{1}\"}",
        ] {
            assert_eq!(
                names(&all((frame(body) + &frame(A)).as_bytes()).await),
                ["-32700", "a"],
                "{body:?}"
            );
        }
        for body in [
            "[]",
            "1",
            "null",
            "{}",
            r#"{"method":"a"}"#,
            r#"{"jsonrpc":"1.0","method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
        ] {
            assert_eq!(
                names(&all((frame(body) + &frame(A)).as_bytes()).await),
                ["-32600", "a"],
                "{body:?}"
            );
        }
        let mut bytes = b"Content-Length: 2\r\n\r\n\xff\xfe".to_vec();
        bytes.extend(frame(A).into_bytes());
        assert_eq!(names(&all(&bytes).await), ["-32700", "a"]);
    }

    #[tokio::test]
    async fn the_next_frame_after_garbage_is_found() {
        for garbage in [
            "hello\r\n\r\n",
            "hello",
            "Content-Length: x\r\n\r\n",
            "a\nb\nc\n\n\n",
            "Content-Length: -1\r\n\r\n",
            "Content-Len",
        ] {
            let messages = names(&all((garbage.to_owned() + &frame(A)).as_bytes()).await);
            assert_eq!(
                messages.last().map(String::as_str),
                Some("a"),
                "{garbage:?}: {messages:?}"
            );
            assert!(messages.len() <= 2, "{garbage:?}: {messages:?}");
        }
        let long = "x".repeat(3 * MAX_HEADER as usize - 5);
        assert_eq!(names(&all((long + &frame(A)).as_bytes()).await), ["-32700", "a"]);
        // One length is too small, the other too large.
        let short = format!("Content-Length: {}\r\n\r\n{B}", B.len() - 5);
        let messages = names(&all((short + &frame(A) + &frame(A)).as_bytes()).await);
        assert_eq!(messages.last().map(String::as_str), Some("a"));
        let long = format!("Content-Length: {}\r\n\r\n{B}", B.len() + 9);
        let messages = names(&all((long + &frame(A) + &frame(A)).as_bytes()).await);
        assert_eq!(messages.last().map(String::as_str), Some("a"));
    }

    #[tokio::test]
    async fn too_large_messages_are_skipped() {
        let large = frame(&"x".repeat(5000));
        assert_eq!(names(&all((large + &frame(A)).as_bytes()).await), ["-32600", "a"]);
    }

    #[tokio::test]
    async fn an_input_that_ends_within_a_frame_ends_without_an_error() {
        for bytes in [
            "",
            "Content-Length: 10\r\n",
            "Content-Length: 10\r\n\r\n{",
            "Content-Length: 99999999\r\n\r\n{",
        ] {
            assert!(all(bytes.as_bytes()).await.is_empty(), "{bytes:?}");
        }
    }

    #[test]
    fn errors_contain_nothing_of_the_input() {
        let Incoming::Broken(response) = parse(br#"{"jsonrpc":"2.0","method":{"canary":"SECRET"},"id":1}"#) else {
            panic!("not broken")
        };
        assert_eq!(response.id(), &Id::Number(1));
        assert!(!response.error().unwrap().message.contains("SECRET"));
    }
}
