//! The page `bench.html`: how fast this browser composes and learns, measured in the workers that visitors get.

mod learning;
mod measure;
mod page;
mod report;

pub use page::BenchPage;
