//! stub
pub fn run_worker() {}
