//! Letting the message loop run.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageChannel, MessageEvent};

/// A way to let waiting messages through. A channel to oneself, because a timer of 0 ms takes 4.
pub(super) struct Pause {
    channel: Option<MessageChannel>,
    resolve: Rc<RefCell<Option<Function>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Pause {
    pub(super) fn new() -> Self {
        let resolve = Rc::new(RefCell::new(None::<Function>));
        let on_message = {
            let resolve = Rc::clone(&resolve);
            Closure::new(move |_: MessageEvent| {
                if let Some(resolve) = resolve.borrow_mut().take()
                    && let Err(error) = resolve.call0(&JsValue::UNDEFINED)
                {
                    web_sys::console::error_1(&error);
                }
            })
        };
        let channel = MessageChannel::new().ok();
        if let Some(channel) = &channel {
            channel.port1().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        }
        Self { channel, resolve, _on_message: on_message }
    }

    /// Comes back when the messages that were waiting have been heard.
    pub(super) async fn breathe(&self) {
        let promise = Promise::new(&mut |resolve, _| {
            let posted = self.channel.as_ref().map(|channel| channel.port2().post_message(&JsValue::NULL));
            if let Some(Ok(())) = posted {
                *self.resolve.borrow_mut() = Some(resolve);
            } else if let Err(error) = super::scope().set_timeout_with_callback(&resolve) {
                web_sys::console::error_1(&error);
            }
        });
        if let Err(error) = JsFuture::from(promise).await {
            web_sys::console::error_1(&error);
        }
    }
}
