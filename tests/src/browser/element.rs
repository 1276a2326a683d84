//! One thing on the page, found by its role and name, and used as a person uses it.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Held, PATIENCE, Page, keys};

/// Until the page has drawn once more; a hidden one draws nothing.
const A_FRAME: &str = "new Promise(then => { requestAnimationFrame(then); setTimeout(then, 200); })";

/// A control or a text on a [`Page`].
#[derive(Debug)]
pub struct Element<'page> {
    page: &'page Page,
    /// The browser's handle on the element.
    object: String,
    /// For messages: `button "Generate"`.
    what: String,
}

impl<'page> Element<'page> {
    pub(super) fn new(page: &'page Page, object: String, what: String) -> Self {
        Self { page, object, what }
    }

    /// Moves the mouse there and presses its left button, once the element can be pressed.
    #[track_caller]
    pub fn click(&self) {
        let deadline = Instant::now() + PATIENCE;
        let (x, y) = loop {
            match self.target() {
                Ok(point) => break point,
                Err(obstacle) if Instant::now() > deadline => {
                    panic!("{} cannot be clicked: {obstacle}", self.what)
                }
                Err(_) => std::thread::sleep(super::page::PAUSE),
            }
        };
        self.page.mouse("mouseMoved", x, y, 0);
        self.page.mouse("mousePressed", x, y, 1);
        self.page.mouse("mouseReleased", x, y, 1);
    }

    /// Presses the mouse's left button at a place, as shares of the element's width and height.
    #[track_caller]
    pub fn click_at(&self, place: (f64, f64)) {
        self.drag(&[], place, place);
    }

    /// Presses the mouse's left button at a place, and lets it go at another; as shares of the element's width
    /// and height.
    #[track_caller]
    pub fn drag(&self, held: &[Held], from: (f64, f64), to: (f64, f64)) {
        let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        let [from, middle, to] = [from, middle, to].map(|place| self.place(place));
        self.page.mouse_with(held, "mouseMoved", from, 0);
        self.page.mouse_with(held, "mousePressed", from, 1);
        self.page.mouse_with(held, "mouseMoved", middle, 1);
        self.page.mouse_with(held, "mouseMoved", to, 1);
        self.page.mouse_with(held, "mouseReleased", to, 1);
    }

    /// Turns the mouse's wheel over the middle of the element, by CSS pixels.
    #[track_caller]
    pub fn turn_wheel(&self, held: &[Held], by_px: f64) {
        let (x, y) = self.place((0.5, 0.5));
        let modifiers: u32 = held.iter().map(|held| *held as u32).sum();
        let event = json!({
            "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by_px, "modifiers": modifiers,
        });
        self.page.call("Input.dispatchMouseEvent", event);
    }

    /// A place in the window, from shares of the element's width and height.
    #[track_caller]
    fn place(&self, (across, down): (f64, f64)) -> (f64, f64) {
        let found = self.call(
            "function(across, down) {
                this.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
                const box = this.getBoundingClientRect();
                return [box.x + across * box.width, box.y + down * box.height];
            }",
            json!([across, down]),
        );
        match (found[0].as_f64(), found[1].as_f64()) {
            (Some(x), Some(y)) => (x, y),
            _ => panic!("{} is nowhere: {found}", self.what),
        }
    }

    /// An attribute; empty if it has none.
    #[track_caller]
    pub fn attribute(&self, name: &str) -> String {
        let value = self.call("function(name) { return this.getAttribute(name) ?? '' }", json!([name]));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Puts the keyboard's focus there.
    #[track_caller]
    pub fn focus(&self) {
        self.page.call("DOM.focus", json!({ "objectId": self.object }));
    }

    /// Replaces what a text or number field holds by typing, and leaves the field with Enter.
    #[track_caller]
    pub fn fill(&self, text: &str) {
        self.focus();
        self.call("function() { this.select?.() }", json!([]));
        self.page.call("Input.insertText", json!({ "text": text }));
        self.page.press(keys::ENTER);
    }

    /// Moves a slider or chooses an option of a list, by value or by the option's text.
    #[track_caller]
    pub fn choose(&self, value: &str) {
        let chosen = self.call(
            "function(wanted) {
                const options = [...(this.options ?? [])];
                const option = options.find(o => o.value === wanted || o.text.trim() === wanted);
                if (this.options && !option) return options.map(o => o.text.trim()).join(', ');
                const prototype = Object.getPrototypeOf(this);
                Object.getOwnPropertyDescriptor(prototype, 'value').set.call(this, option?.value ?? wanted);
                this.dispatchEvent(new Event('input', { bubbles: true }));
                this.dispatchEvent(new Event('change', { bubbles: true }));
            }",
            json!([value]),
        );
        if let Some(options) = chosen.as_str() {
            panic!("{} has no option {value:?}, but {options}", self.what);
        }
    }

    /// Lets go of `files` over the element, as if they had been dragged there from the desktop.
    #[track_caller]
    pub fn drop_files(&self, files: &[&std::path::Path]) {
        let (x, y) =
            self.target().unwrap_or_else(|obstacle| panic!("nothing drops on {}: {obstacle}", self.what));
        let data = json!({ "items": [], "files": files, "dragOperationsMask": 1 });
        // A busy page answers late whether it takes them, and a browser drops nothing before it did.
        for kind in ["dragEnter", "dragOver", "dragOver", "drop"] {
            self.page.call("Input.dispatchDragEvent", json!({ "type": kind, "x": x, "y": y, "data": data }));
            self.page.evaluate(A_FRAME);
        }
    }

    /// The text a person reads there.
    #[track_caller]
    pub fn text(&self) -> String {
        self.string("function() { return this.innerText ?? this.textContent ?? '' }")
    }

    /// What a field holds.
    #[track_caller]
    pub fn value(&self) -> String {
        self.string("function() { return String(this.value ?? '') }")
    }

    /// What is shown while the pointer rests on it.
    #[track_caller]
    pub fn title(&self) -> String {
        self.string("function() { return this.title ?? '' }")
    }

    /// The texts of a list's options.
    #[track_caller]
    pub fn options(&self) -> Vec<String> {
        let texts =
            self.call("function() { return [...(this.options ?? [])].map(o => o.text.trim()) }", json!([]));
        serde_json::from_value(texts).unwrap_or_default()
    }

    /// Whether a control can be used.
    #[track_caller]
    pub fn is_enabled(&self) -> bool {
        self.call("function() { return !this.matches(':disabled, [aria-disabled=true]') }", json!([])) == true
    }

    /// Calls a JavaScript `function` with the element as `this`.
    #[track_caller]
    pub fn call(&self, function: &str, arguments: Value) -> Value {
        self.page.call_on(&self.object, function, arguments)
    }

    #[track_caller]
    fn string(&self, function: &str) -> String {
        self.call(function, json!([])).as_str().unwrap_or_default().to_owned()
    }

    /// The middle of the element in the window, or what keeps a person from clicking there.
    fn target(&self) -> Result<(f64, f64), String> {
        let found = self.call(
            "function() {
                if (!this.isConnected) return 'it is gone';
                if (this.matches(':disabled, [aria-disabled=true]')) return 'it is disabled';
                this.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
                const box = this.getBoundingClientRect();
                if (box.width === 0 || box.height === 0) return 'it has no size';
                const x = box.x + box.width / 2, y = box.y + box.height / 2;
                const hit = document.elementFromPoint(x, y);
                if (!hit) return `(${x}, ${y}) is outside the window`;
                const labels = [...(this.labels ?? [])];
                if (!this.contains(hit) && !labels.some(label => label.contains(hit)))
                    return `<${hit.localName} class=\"${hit.className}\"> lies over it`;
                return [x, y];
            }",
            json!([]),
        );
        match (found[0].as_f64(), found[1].as_f64()) {
            (Some(x), Some(y)) => Ok((x, y)),
            _ => Err(found.as_str().unwrap_or("no answer").to_owned()),
        }
    }
}
