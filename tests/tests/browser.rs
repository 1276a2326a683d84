//! The built page in a real browser.

use tests::browser::Browser;
use tests::site::Site;

#[test]
fn the_page_opens_without_errors() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/"));
    assert_eq!(page.evaluate("document.title"), "Performance RNN");
    page.assert_no_errors();
}
