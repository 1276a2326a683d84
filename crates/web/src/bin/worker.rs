//! The worker.

fn main() {
    web::run_worker();
}
