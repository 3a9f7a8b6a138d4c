//! TLS connections. The server of the tests does not support TLS, so a proxy in front of it does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fovea::similar::index::postgres::{Shared, StoreAddress};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{MODEL, Server, folder, found, job, renew};

#[test]
fn the_server_must_prove_its_identity_as_the_address_requires() {
    let Some(server) = Server::start(None) else { return };
    renew(&mut job(&server), folder(1).path(), "one");
    let keys = tempfile::tempdir().unwrap();
    for name in ["ours", "other"] {
        certificate(keys.path(), name);
    }
    let port = in_front_of(server.socket(), keys.path());
    let ask = |host: &str, options: &str| {
        let address = format!("postgres://postgres@{host}:{port}/index?{options}");
        let place = StoreAddress::from_argument(&address).unwrap();
        Shared::open(place, &MODEL, None)
            .map(|store| found(&store, "sum", 1).len())
            .map_err(|error| error.to_string())
    };
    let trusting = |name: &str| format!("sslrootcert={}", keys.path().join(format!("{name}.pem")).display());
    let (ours, other) = (trusting("ours"), trusting("other"));
    assert_eq!(ask("localhost", &format!("sslmode=verify-full&{ours}")), Ok(1));
    assert_eq!(ask("127.0.0.1", &format!("sslmode=verify-ca&{ours}")), Ok(1));
    assert_eq!(ask("127.0.0.1", "sslmode=require"), Ok(1));
    for (host, options, said) in [
        ("127.0.0.1", format!("sslmode=verify-full&{ours}"), "not valid for name"),
        (
            "localhost",
            format!("sslmode=verify-full&{other}"),
            "invalid peer certificate",
        ),
        (
            "localhost",
            format!("sslmode=verify-ca&{other}"),
            "invalid peer certificate",
        ),
        (
            "localhost",
            format!("sslmode=require&{other}"),
            "invalid peer certificate",
        ),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=/nonexistent".to_owned(),
            "/nonexistent",
        ),
    ] {
        let error = ask(host, &options).unwrap_err();
        assert!(error.contains(said), "{options}: {error}");
    }
    // The client never falls back to an unencrypted connection.
    let port = listening(server.socket(), as_it_is);
    let place = format!("postgres://postgres@127.0.0.1:{port}/index?sslmode=require");
    let error = Shared::open(StoreAddress::from_argument(&place).unwrap(), &MODEL, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("server does not support TLS"), "{error}");
}

/// Creates a self-signed certificate for `localhost`: NAME.pem and NAME.key.
fn certificate(folder: &Path, name: &str) {
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Accepts TLS connections on a port and forwards them to a socket until the process ends.
fn in_front_of(socket: PathBuf, keys: &Path) -> u16 {
    let certificates = CertificateDer::pem_file_iter(keys.join("ours.pem")).unwrap();
    let certificates = certificates.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(keys.join("ours.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    let config = Arc::new(config);
    listening(socket, move |client, server| {
        pass_on(client, server, Arc::clone(&config))
    })
}

/// Forwards each connection on a port to a socket with `pass_on` until the process ends; returns the port.
fn listening<F>(socket: PathBuf, pass_on: F) -> u16
where
    F: Fn(TcpStream, UnixStream) -> std::io::Result<()> + Clone + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (socket, pass_on) = (socket.clone(), pass_on.clone());
            std::thread::spawn(move || pass_on(stream?, UnixStream::connect(socket)?));
        }
    });
    port
}

fn as_it_is(mut client: TcpStream, mut server: UnixStream) -> std::io::Result<()> {
    let (mut asked, mut asking) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut asked, &mut asking));
    std::io::copy(&mut server, &mut client).map(drop)
}

fn pass_on(mut client: TcpStream, mut server: UnixStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    // The client asks for TLS with eight bytes; "S" grants it.
    client.read_exact(&mut [0; 8])?;
    client.write_all(b"S")?;
    let mut client = StreamOwned::new(ServerConnection::new(config).map_err(std::io::Error::other)?, client);
    // One thread serves both directions in turn, with short timeouts.
    client.conn.complete_io(&mut client.sock)?;
    client.sock.set_read_timeout(Some(Duration::from_millis(1)))?;
    server.set_read_timeout(Some(Duration::from_millis(1)))?;
    loop {
        if !pass(&mut client, &mut server)? || !pass(&mut server, &mut client)? {
            return Ok(());
        }
    }
}

/// Forwards the available bytes; returns whether there may be more.
fn pass(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<bool> {
    let mut bytes = [0; 16 << 10];
    match from.read(&mut bytes) {
        Ok(0) => Ok(false),
        Ok(count) => {
            to.write_all(&bytes[..count])?;
            to.flush()?;
            Ok(true)
        }
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
            ) =>
        {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}
