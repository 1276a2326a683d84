//! An asynchronous queue of messages.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// The messages that were not taken yet, oldest first.
#[derive(Debug)]
pub struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    waker: RefCell<Option<Waker>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { items: RefCell::default(), waker: RefCell::default() }
    }
}

impl<T> Queue<T> {
    pub fn put(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Puts back what was taken out too early.
    pub fn put_back(&self, item: T) {
        self.items.borrow_mut().push_front(item);
    }

    /// The next, if there is one.
    pub fn try_next(&self) -> Option<T> {
        self.items.borrow_mut().pop_front()
    }

    pub fn is_empty(&self) -> bool {
        self.items.borrow().is_empty()
    }

    /// The next, waited for by one task at a time.
    pub async fn next(&self) -> T {
        poll_fn(|context| match self.try_next() {
            Some(item) => Poll::Ready(item),
            None => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
