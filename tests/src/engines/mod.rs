//! Browsers other than Chromium, driven through the protocols that each brings.
//!
//! Firefox speaks WebDriver BiDi by itself, WebKitGTK through its own `WebKitWebDriver`. Both press buttons as a person
//! does. What is tested here is that the page plays in them; everything else is tested in Chromium
//! ([`browser`](crate::browser)).

mod bidi;
mod display;
mod web_socket;
mod webdriver;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use display::Sound;

/// A browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Debian's `firefox-esr`, or the program that `FIREFOX` names.
    Firefox,
    /// Debian's `webkit2gtk-driver` with its MiniBrowser.
    WebKit,
}

/// An open tab; dropping it ends the browser.
pub struct Visit {
    driver: Box<dyn Driver>,
}

/// What the protocols have in common.
trait Driver {
    /// Opens an address and waits until it has loaded.
    fn go_to(&mut self, address: &str);
    /// The value of an expression, a promise's once it is kept.
    fn evaluate(&mut self, expression: &str) -> Value;
    /// Presses the element that an expression gives, as a person does.
    fn click(&mut self, element: &str);
    /// Gives a file to the `<input>` that an expression gives.
    fn choose_file(&mut self, element: &str, file: &Path);
    /// Sets the size of the page in CSS pixels.
    fn resize(&mut self, width: u32, height: u32);
    /// The page as PNG.
    fn screenshot(&mut self) -> Vec<u8>;
    /// What went wrong in the page, as far as the browser tells.
    fn errors(&mut self) -> Vec<String>;
}

impl Visit {
    /// Starts the browser with an empty profile, with this sound; prints why it cannot.
    #[must_use]
    pub fn begin(engine: Engine, sound: &Sound) -> Option<Self> {
        let driver: Option<Box<dyn Driver>> = match engine {
            Engine::Firefox => bidi::Firefox::start(sound).map(|driver| Box::new(driver) as _),
            Engine::WebKit => webdriver::WebKit::start(sound).map(|driver| Box::new(driver) as _),
        };
        driver.map(|driver| Self { driver })
    }

    /// Opens an address and waits until it has loaded.
    pub fn go_to(&mut self, address: &str) {
        self.driver.go_to(address);
    }

    /// The value of a JavaScript expression, a promise's once it is kept.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.driver.evaluate(expression)
    }

    /// Presses the button with this name, once it is there and can be pressed.
    ///
    /// # Panics
    /// If it does not come.
    #[track_caller]
    pub fn press(&mut self, name: &str, limit: Duration) {
        let element = format!(
            "[...document.querySelectorAll('button, label.button')].find(e => !e.disabled && e.checkVisibility() && \
             (e.getAttribute('aria-label') ?? e.innerText).trim().startsWith({}))",
            Value::from(name)
        );
        self.wait_until(&format!("the button {name}"), limit, |visit| {
            visit.evaluate(&format!("Boolean({element})")) == true
        });
        self.driver.click(&element);
    }

    /// Gives a file to the `<input>` of this selector.
    pub fn choose_file(&mut self, selector: &str, file: &Path) {
        self.driver.choose_file(&format!("document.querySelector({})", Value::from(selector)), file);
    }

    /// Sets the size of the page in CSS pixels.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.driver.resize(width, height);
    }

    /// The page as PNG.
    #[must_use]
    pub fn screenshot(&mut self) -> Vec<u8> {
        self.driver.screenshot()
    }

    /// The visible text of the page.
    #[must_use]
    pub fn text(&mut self) -> String {
        self.evaluate("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until `condition` is true.
    ///
    /// # Panics
    /// If it does not become true, with what the page says.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, limit: Duration, mut condition: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + limit;
        while !condition(self) {
            if Instant::now() >= deadline {
                let (text, errors) = (self.text(), self.driver.errors());
                panic!("{what}: not within {limit:?}; errors: {errors:?}; the page says:\n{text}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Fails with what went wrong in the page, if anything did.
    ///
    /// # Panics
    /// If anything did.
    #[track_caller]
    pub fn assert_no_errors(&mut self) {
        let errors = self.driver.errors();
        assert!(errors.is_empty(), "the page reported:\n{}", errors.join("\n"));
    }
}
