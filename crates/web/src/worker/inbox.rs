//! What the page has asked for and the worker has not done yet.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::protocol::Request;

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

/// A queue that can be waited at.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queue: RefCell<VecDeque<Incoming>>,
    waker: RefCell<Option<Waker>>,
}

impl Inbox {
    pub(super) fn put(&self, incoming: Incoming) {
        self.queue.borrow_mut().push_back(incoming);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Puts back what was taken out too early.
    pub(super) fn put_back(&self, incoming: Incoming) {
        self.queue.borrow_mut().push_front(incoming);
    }

    pub(super) fn try_next(&self) -> Option<Incoming> {
        self.queue.borrow_mut().pop_front()
    }

    pub(super) async fn next(&self) -> Incoming {
        poll_fn(|context| match self.try_next() {
            Some(incoming) => Poll::Ready(incoming),
            None => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
