//! Burn in the page: the network in 32 bits as the reference.

use performance::{Sampling, Token, encode};
use pollster::block_on;
use rnn::{Backend, Generate, weights};
use tests::browser::{Browser, Page};
use tests::site::Site;

use super::primers::scale;
use super::{START, composed, numbers, play};

/// The same file that native code is compared with, `tests/released`.
const NATIVE: &str = include_str!("../../released/burn-int8-seed-1.txt");
/// Largest difference of a logit.
const TOLERANCE: f32 = 1e-3;

#[test]
fn burn_plays_in_the_page_what_it_plays_natively() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=burn"));
    play(&page, 1);
    let status = page.status();
    assert!(status.contains("Running on Burn, 32 bits (reference), on the CPU"), "{status}");
    assert_eq!(composed(&page, 50), numbers(NATIVE)[..50]);
    check_logits(&site, &page);
    page.assert_no_errors();
}

/// Asks the page's worker for its logits after a scale, and holds them to the native ones.
#[track_caller]
fn check_logits(site: &Site, page: &Page) {
    page.button("Stop").click();
    let tokens = encode(&scale(64));
    let request = serde_json::json!({ "Logits": { "tokens": tokens } }).to_string();
    // What the worker answers the page, which does not look at it.
    page.in_workers(&format!(
        "(() => {{
            const post = postMessage.bind(self);
            self.postMessage = (message, ...beside) => {{
                if (String(message).startsWith('{{\"Logits\"')) self.answered = message;
                post(message, ...beside);
            }};
            onmessage({{ data: {} }});
        }})()",
        serde_json::Value::from(request)
    ));
    let answer = page.wait_for("logits", START, || {
        page.in_workers("self.answered ?? null").iter().find_map(|answer| answer.as_str().map(str::to_owned))
    });
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("an answer");
    let found: Vec<f32> = serde_json::from_value(answer["Logits"]["logits"].clone()).expect("logits");
    let expected = native_logits(site, &tokens);
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("logits within {worst:.1e} of the native ones");
    assert!(worst < TOLERANCE, "{worst}");
}

/// With the weights that the page has.
fn native_logits(site: &Site, tokens: &[Token]) -> Vec<f32> {
    let folder = std::fs::read_dir(site.folder().join("weights")).expect("the page's weights");
    let is_base = |path: &std::path::PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("base") && name.ends_with(".safetensors")
    };
    let file = folder.flatten().map(|entry| entry.path()).find(is_base).expect("the released weights");
    let network = weights::load(&std::fs::read(file).expect("weights"), &learn::cpu()).expect("weights");
    let mut takes = network.takes(Sampling::default(), &[1]).expect("a take");
    block_on(takes.prefill(tokens)).expect("a processor does not fail");
    block_on(takes.logits_of(0)).expect("a processor does not fail")
}
