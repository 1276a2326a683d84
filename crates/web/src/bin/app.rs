//! The page.

fn main() {
    web::run_app();
}
