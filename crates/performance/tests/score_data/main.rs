//! Scores against the shared data: (n)ASAP's scores, performances and annotations.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod data;
mod musicxml;
mod roundtrip;
