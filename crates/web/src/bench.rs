//! The page `bench.html`: how fast this browser composes, measured in the workers that visitors get.

mod measure;
mod page;
mod report;

pub use page::BenchPage;
