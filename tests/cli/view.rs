//! `fovea view`: the page and its answers, refused requests, and the exported file.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{NO_CACHE, fovea, refusal, stdout};

const MODEL: &str = "tests/fixtures/tiny-llama";

/// A running `fovea view` that ends with the test.
struct Page {
    child: Child,
    port: u16,
    token: String,
    _folder: tempfile::TempDir,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Page {
    fn of(text: &str) -> Page {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("note.md");
        std::fs::write(&file, text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
            .args(["view", file.to_str().unwrap(), "--no-open", "--model", MODEL])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("FOVEA_CACHE_DIR", NO_CACHE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let rest = line.trim().strip_prefix("http://127.0.0.1:").unwrap();
        let (port, token) = rest.split_once('/').unwrap();
        Page {
            port: port.parse().unwrap(),
            token: token.trim_end_matches('/').to_owned(),
            child,
            _folder: folder,
        }
    }

    /// Sends the lines of a request; returns status, headers and body.
    fn send(&self, lines: &[&str]) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }

    fn get(&self, path: &str, more: &[&str]) -> (u16, String, Vec<u8>) {
        let (first, host) = (
            format!("GET /{}/{path} HTTP/1.1", self.token),
            format!("Host: 127.0.0.1:{}", self.port),
        );
        self.send(&[&[first.as_str(), host.as_str()], more].concat())
    }
}

#[test]
fn the_server_sends_the_page_which_may_reach_nothing_else() {
    let page = Page::of("hello world\n");
    let (status, head, body) = page.get("", &[]);
    assert_eq!(status, 200);
    for line in [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; connect-src 'self'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
        "cache-control: no-store",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert!(!head.contains("access-control"), "{head}");
    let html = String::from_utf8(body).unwrap();
    assert!(html.contains("page.js") && !html.contains("https://"), "{html}");
    let (status, _, script) = page.get("page.js", &[]);
    assert!(status == 200 && script.len() > 20_000);
    let own = format!("Origin: http://127.0.0.1:{}", page.port);
    let (status, _, body) = page.get("api/document", &[&own, "Sec-Fetch-Site: same-origin"]);
    assert_eq!(status, 200);
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["units"].as_array().unwrap().len(), 1);
    let (status, head, maps) = page.get("api/attention/0/1", &[]);
    assert!(status == 200 && head.contains("application/octet-stream") && maps.len() % 8 == 0);
    for (path, expected) in [
        ("api/attention/0/99", 404),
        ("api/nothing", 404),
        ("etc/passwd", 404),
        ("../x", 404),
    ] {
        assert_eq!(page.get(path, &[]).0, expected, "{path}");
    }
}

#[test]
fn a_wrong_token_a_foreign_origin_and_a_foreign_host_are_refused() {
    let page = Page::of("hello world\n");
    let host = format!("Host: 127.0.0.1:{}", page.port);
    let good = format!("GET /{}/api/document HTTP/1.1", page.token);
    let wrong = format!("{}0", &page.token[..page.token.len() - 1]);
    let wrong = if wrong == page.token {
        wrong.replace('0', "1")
    } else {
        wrong
    };
    for token in [
        wrong.as_str(),
        "",
        &page.token[1..],
        "x",
        &page.token.to_uppercase().replace(|c: char| c.is_ascii_digit(), "F"),
    ] {
        let first = format!("GET /{token}/api/document HTTP/1.1");
        let (status, _, body) = page.send(&[&first, &host]);
        assert_eq!(status, 403, "{token}");
        assert!(!String::from_utf8_lossy(&body).contains("note.md"));
    }
    // Another name may resolve to this machine (DNS rebinding), here with the right port and the right token.
    for host in [
        format!("Host: evil.example:{}", page.port),
        format!("Host: localhost:{}", page.port),
        "Host: 127.0.0.1".to_owned(),
        format!("Host: 127.0.0.1:{}\r\nHost: evil.example", page.port),
        "Accept: */*".to_owned(),
    ] {
        assert!(matches!(page.send(&[&good, &host]).0, 400 | 403), "{host}");
    }
    for header in [
        "Origin: https://evil.example",
        "Origin: null",
        "Origin: http://127.0.0.1:1",
        "Origin: http://localhost",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ] {
        assert_eq!(page.send(&[&good, &host, header]).0, 403, "{header}");
    }
    let post = good.replace("GET", "POST");
    assert_eq!(page.send(&[&post, &host, "Content-Length: 0"]).0, 405);
    assert_eq!(page.send(&[&good, &host]).0, 200);
}

#[test]
fn each_run_has_its_own_address_only_on_loopback() {
    let (a, b) = (Page::of("hello\n"), Page::of("hello\n"));
    assert_ne!(a.token, b.token);
    assert!(a.token.len() == 32 && a.token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // The process listens only on the loopback address.
    #[cfg(target_os = "linux")]
    {
        let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", a.child.id())).unwrap();
        let own: Vec<&str> = table
            .lines()
            .filter(|line| line.contains(&format!(":{:04X} ", a.port)) && line.contains(" 0A "))
            .collect();
        assert!(own.len() == 1 && own[0].contains("0100007F:"), "{own:?}");
    }
}

#[test]
fn an_exported_file_has_the_answers_and_names_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("page.html");
    let text = "hello </script><script>alert(1)</script> world\n";
    let output = fovea(
        &["view", "-", "--export", out.to_str().unwrap(), "--model", MODEL],
        text.as_bytes(),
    );
    assert_eq!(stdout(&output), "");
    let page = std::fs::read_to_string(&out).unwrap();
    assert!(page.contains("default-src 'none'; script-src 'sha256-"), "no policy");
    // Text of a document is escaped.
    assert!(!page.contains("alert(1)</script>") && page.matches("<script").count() == 2);
    let data = page
        .split("id=\"data\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    for path in [
        "document",
        "structure",
        "unit/0",
        "salience/0",
        "attention/0/2",
        "head/0/2/3",
        "steps/0/2/1",
        "through/0",
    ] {
        assert!(data.get(path).is_some(), "{path}");
    }
    let addresses = page.matches("http://").count() + page.matches("https://").count();
    let names = page.matches("http://www.w3.org/").count();
    assert_eq!(addresses, names, "the file contains an address");
}

#[test]
fn a_diagram_of_the_model_is_printed() {
    let chart = stdout(&fovea(&["view", "--structure", "mermaid", "--model", MODEL], b""));
    assert!(
        chart.starts_with("flowchart TD\n") && chart.contains("Blocks 0 to 2"),
        "{chart}"
    );
    let drawing = stdout(&fovea(&["view", "--structure", "svg", "--model", MODEL], b""));
    assert!(drawing.starts_with("<svg ") && drawing.contains("W_gate") && drawing.trim_end().ends_with("</svg>"));
}

#[test]
fn view_reports_invalid_input() {
    assert!(refusal(&fovea(&["view"], b""), 2).contains("<FILE>"));
    assert!(refusal(&fovea(&["view", "no such file.md", "--model", MODEL], b""), 1).contains("no such file.md"));
    let line = refusal(
        &fovea(
            &["view", "-", "--export", "no folder/x.html", "--model", MODEL],
            b"hello",
        ),
        1,
    );
    assert!(line.contains("cannot write no folder/x.html"), "{line}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let line = refusal(
        &fovea(
            &["view", "README.md", "--no-open", "--port", &port, "--model", MODEL],
            b"",
        ),
        1,
    );
    assert!(line.contains("choose another with --port"), "{line}");
}
