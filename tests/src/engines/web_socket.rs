//! A web socket, as far as one needs it to drive a browser (RFC 6455): text both ways.
//!
//! By hand, because the libraries bring features of crates that Burn is built on, and Burn would be built once more.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::TcpStream;

/// What a frame holds.
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// The bit of a message's last frame, and that of a masked one.
const FIRST_BIT: u8 = 0x80;
/// Any will do between two programs on one machine.
const MASK: [u8; 4] = [1, 2, 3, 4];

/// An open connection.
#[derive(Debug)]
pub(super) struct WebSocket(TcpStream);

impl WebSocket {
    /// Asks a server that was connected to for a web socket.
    pub(super) fn open(mut stream: TcpStream, host: &str, path: &str) -> Result<Self> {
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: cGVyZm9ybWFuY2Utcm5uIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        if head.starts_with(b"HTTP/1.1 101") {
            Ok(Self(stream))
        } else {
            Err(Error::other(format!("expected 101, found {}", String::from_utf8_lossy(&head))))
        }
    }

    /// Sends a text.
    pub(super) fn send(&mut self, text: &str) -> Result<()> {
        self.send_frame(TEXT, text.as_bytes())
    }

    /// Waits for the next text.
    ///
    /// # Errors
    /// Nothing came, or the connection was closed.
    pub(super) fn read(&mut self) -> Result<String> {
        let mut message = Vec::new();
        loop {
            let [first, length] = self.bytes()?;
            let length = match length & !FIRST_BIT {
                126 => u64::from(u16::from_be_bytes(self.bytes()?)),
                127 => u64::from_be_bytes(self.bytes()?),
                short => u64::from(short),
            };
            let mut content = vec![0; usize::try_from(length).map_err(Error::other)?];
            self.0.read_exact(&mut content)?;
            match first & 0x0F {
                CLOSE => return Err(Error::other("the browser closed the connection")),
                PING => self.send_frame(PONG, &content)?,
                PONG => {}
                _ => {
                    message.extend(content);
                    if first & FIRST_BIT != 0 {
                        return String::from_utf8(message).map_err(Error::other);
                    }
                }
            }
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Clients have to mask what they send. Firefox does not take a mask of zeros.
    fn send_frame(&mut self, kind: u8, content: &[u8]) -> Result<()> {
        let mut frame = vec![FIRST_BIT | kind];
        match content.len() {
            short @ 0..126 => frame.push(FIRST_BIT | short as u8),
            middle @ 126..0x1_0000 => {
                frame.push(FIRST_BIT | 126);
                frame.extend((middle as u16).to_be_bytes());
            }
            long => {
                frame.push(FIRST_BIT | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(content.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.0.write_all(&frame)
    }
}
