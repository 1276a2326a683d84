//! The allocator: one that keeps what it has.
//!
//! A training step allocates the same hundred large buffers each time. The system's allocator gives those
//! back to the kernel, which then clears page after page of them again: at 32 × 128 a third of the time.
//! mimalloc keeps them, in large pages where the system has those.

use libmimalloc_sys::{mi_option_large_os_pages, mi_option_set, mi_option_set_enabled, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Milliseconds after which unused memory goes back to the system; the binding has no name for this option.
const PURGE_DELAY: mi_option_t = 15;

/// Has the allocator keep memory. Called once, before anything large is allocated.
pub(crate) fn keep() {
    // SAFETY: both options exist in all versions of mimalloc since 2.1 and may be set at any time.
    unsafe {
        mi_option_set(PURGE_DELAY, -1);
        mi_option_set_enabled(mi_option_large_os_pages, true);
    }
}
