//! What the page has asked for and the worker has not done yet.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::queue::Queue;
use session::protocol::Request;

/// Requests in the job in which they came.
pub(super) type Inbox = Queue<Incoming>;

/// A request and the bytes that came with it.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) request: Request,
    pub(super) bytes: Vec<u8>,
}

impl Incoming {
    /// Text, or text and bytes: see `web`'s `engine`.
    pub(super) fn parse(data: &JsValue) -> Result<Self, String> {
        let (json, bytes) = match data.dyn_ref::<Array>() {
            Some(parts) => (parts.get(0), parts.get(1).dyn_into().map(|bytes: Uint8Array| bytes.to_vec())),
            None => (data.clone(), Ok(Vec::new())),
        };
        let json = json.as_string().ok_or("the page said something that is not text")?;
        let request = serde_json::from_str(&json).map_err(|error| error.to_string())?;
        Ok(Self { request, bytes: bytes.map_err(|_| "the page sent something that is not bytes")? })
    }
}
