//! Writes messages to the client through a buffer in memory.
//!
//! A client that does not read its messages therefore cannot block the reading of its own requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

/// Maximum number of unread bytes in the buffer; beyond it, the process ends.
pub const MAX_UNREAD: usize = 256 << 20;

/// Sends messages to the client. Clones share the buffer.
#[derive(Debug, Clone)]
pub struct Output {
    frames: mpsc::UnboundedSender<Vec<u8>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    unread: AtomicUsize,
    limit: usize,
    overflow: Notify,
    drained: Notify,
}

/// The reading end of the buffer; [`Drain::run`] writes it to the client.
#[derive(Debug)]
pub struct Drain {
    frames: mpsc::UnboundedReceiver<Vec<u8>>,
    shared: Arc<Shared>,
}

/// Creates a buffer of at most `limit` bytes.
pub fn output(limit: usize) -> (Output, Drain) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        unread: AtomicUsize::new(0),
        limit,
        overflow: Notify::new(),
        drained: Notify::new(),
    });
    (
        Output {
            frames: sender,
            shared: shared.clone(),
        },
        Drain {
            frames: receiver,
            shared,
        },
    )
}

impl Output {
    /// Queues a message. Never waits.
    pub fn send(&self, message: &impl Serialize) {
        let body = match serde_json::to_vec(message) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "cannot write a message as JSON");
                return;
            }
        };
        let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        frame.extend_from_slice(&body);
        let length = frame.len();
        if self.shared.unread.fetch_add(length, Ordering::AcqRel) + length > self.shared.limit {
            self.shared.overflow.notify_one();
            return;
        }
        if self.frames.send(frame).is_err() {
            // The receiver is dropped only after the client is gone.
            self.shared.unread.fetch_sub(length, Ordering::AcqRel);
        }
    }

    /// Waits until the unread bytes exceed the limit.
    pub async fn overflowed(&self) {
        self.shared.overflow.notified().await;
    }

    /// Waits until the buffer is written and flushed.
    pub async fn drained(&self) {
        loop {
            let drained = self.shared.drained.notified();
            if self.shared.unread.load(Ordering::Acquire) == 0 {
                return;
            }
            drained.await;
        }
    }
}

impl Drain {
    /// Writes queued messages until the writer fails or all [`Output`]s are dropped.
    pub async fn run<W: AsyncWrite + Unpin>(mut self, mut writer: W) {
        while let Some(frame) = self.frames.recv().await {
            let mut written = frame.len();
            if write(&mut writer, &frame).await.is_err() {
                break;
            }
            // One flush covers all waiting messages.
            while let Ok(frame) = self.frames.try_recv() {
                written += frame.len();
                if write(&mut writer, &frame).await.is_err() {
                    break;
                }
            }
            if writer.flush().await.is_err() {
                break;
            }
            self.shared.unread.fetch_sub(written, Ordering::AcqRel);
            self.shared.drained.notify_waiters();
        }
        // The client is gone, so `drained` must not wait for later messages.
        self.shared.unread.store(0, Ordering::Release);
        self.shared.drained.notify_waiters();
    }
}

async fn write<W: AsyncWrite + Unpin>(writer: &mut W, frame: &[u8]) -> std::io::Result<()> {
    writer
        .write_all(frame)
        .await
        .inspect_err(|error| tracing::info!(%error, "the client no longer reads"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_does_not_block_senders() {
        let (output, drain) = output(1 << 20);
        let (writer, _client) = tokio::io::duplex(16);
        tokio::spawn(drain.run(writer));
        for n in 0..10_000 {
            output.send(&n);
        }
        assert!(output.shared.unread.load(Ordering::Acquire) > 100_000);
    }

    #[tokio::test]
    async fn too_many_unread_bytes_are_reported() {
        let (output, drain) = output(1000);
        let (writer, _client) = tokio::io::duplex(16);
        tokio::spawn(drain.run(writer));
        output.send(&"x".repeat(2000));
        output.overflowed().await;
    }

    #[tokio::test]
    async fn messages_are_written_in_order() {
        let (output, drain) = output(1 << 20);
        let (writer, mut client) = tokio::io::duplex(16);
        tokio::spawn(drain.run(writer));
        output.send(&1);
        output.send(&"two");
        drop(output);
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut client, &mut text)
            .await
            .unwrap();
        assert_eq!(text, "Content-Length: 1\r\n\r\n1Content-Length: 5\r\n\r\n\"two\"");
    }
}
