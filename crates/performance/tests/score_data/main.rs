//! Scores against the shared data: (n)ASAP's scores, performances and annotations.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod data;
mod evaluation;
mod musicxml;
mod roundtrip;
