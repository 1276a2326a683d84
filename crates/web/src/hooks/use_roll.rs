use std::cell::RefCell;
use std::rc::Rc;

use gloo::render::{AnimationFrame, request_animation_frame};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};
use yew::prelude::*;

use super::Theme;
use crate::js;
use crate::player::{Player, PlayerHandle};
use session::roll::{RollSource, RollView, Smooth};

use crate::roll::{Frame, Palette, future_us, paint};
use session::Playback;

/// Draws the roll on a canvas, once per animation frame in which something has changed.
#[hook]
pub fn use_roll(
    canvas: &NodeRef,
    source: &RollSource,
    playback: Playback,
    theme: Theme,
    player: &PlayerHandle,
) {
    let painter = use_mut_ref(|| Painter::new(player.clone()));
    use_effect_with((source.clone(), playback), {
        let painter = Rc::clone(&painter);
        move |(source, playback)| {
            let mut painter = painter.borrow_mut();
            painter.view.set_source(source);
            painter.playback = *playback;
            painter.is_stale = true;
        }
    });
    use_effect_with(theme, {
        let painter = Rc::clone(&painter);
        move |_| painter.borrow_mut().palette = None
    });
    use_effect_with(canvas.clone(), move |canvas| {
        let frames = canvas.cast::<HtmlCanvasElement>().map(|canvas| Frames::start(canvas, painter));
        move || drop(frames)
    });
}

/// Requests one animation frame after another, until it is dropped.
struct Frames {
    _next: Rc<RefCell<Option<AnimationFrame>>>,
}

impl Frames {
    fn start(canvas: HtmlCanvasElement, painter: Rc<RefCell<Painter>>) -> Self {
        let next = Rc::new(RefCell::new(None));
        Self::request(&next, canvas, painter);
        Self { _next: next }
    }

    fn request(
        next: &Rc<RefCell<Option<AnimationFrame>>>,
        canvas: HtmlCanvasElement,
        painter: Rc<RefCell<Painter>>,
    ) {
        let weak = Rc::downgrade(next);
        let frame = request_animation_frame(move |now_ms| {
            painter.borrow_mut().paint(&canvas, now_ms);
            if let Some(next) = weak.upgrade() {
                Self::request(&next, canvas, painter);
            }
        });
        *next.borrow_mut() = Some(frame);
    }
}

struct Painter {
    player: PlayerHandle,
    view: RollView,
    playback: Playback,
    /// Whether there is something new to draw.
    is_stale: bool,
    /// `None` when the colors have changed.
    palette: Option<Palette>,
    size: (f64, f64, f64),
    last_ms: f64,
}

impl Painter {
    fn new(player: PlayerHandle) -> Self {
        Self {
            player,
            view: RollView::default(),
            playback: Playback::Stopped,
            is_stale: true,
            palette: None,
            size: (0.0, 0.0, 0.0),
            last_ms: 0.0,
        }
    }

    fn paint(&mut self, canvas: &HtmlCanvasElement, now_ms: f64) {
        let elapsed_secs = ((now_ms - self.last_ms) / 1000.0).clamp(0.0, 0.1);
        self.last_ms = now_ms;
        let (width_px, height_px) = (f64::from(canvas.client_width()), f64::from(canvas.client_height()));
        let size = (width_px, height_px, js::window().device_pixel_ratio().clamp(1.0, 3.0));
        let smooth = if likes_stillness() { Smooth::No } else { Smooth::Yes };
        let head_us = self.play_head_us(size);
        let is_playing = self.playback == Playback::Playing;
        let has_moved = self.view.advance(head_us, is_playing, elapsed_secs, smooth);
        let is_new = self.is_stale || self.palette.is_none() || self.size != size;
        if !has_moved && !is_new && !is_playing {
            return;
        }
        self.is_stale = false;
        if self.size != size {
            canvas.set_width((width_px * size.2).round() as u32);
            canvas.set_height((height_px * size.2).round() as u32);
            self.size = size;
        }
        let context = canvas.get_context("2d").ok().flatten();
        let Some(context) = context.and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok())
        else {
            return;
        };
        let keys = self.view.keys(width_px, elapsed_secs, smooth);
        let palette = self.palette.get_or_insert_with(|| Palette::of(canvas));
        let is_sounding = matches!(self.playback, Playback::Playing | Playback::Behind);
        let frame = Frame {
            context: &context,
            palette,
            width_px,
            height_px,
            scale: size.2,
            smooth,
            is_sounding,
            keys,
        };
        paint(&frame, &self.view);
    }

    /// Music time at the play-head, counted from the primer's start.
    fn play_head_us(&self, (width_px, height_px, _): (f64, f64, f64)) -> f64 {
        let primer_us = self.view.primer_us() as f64;
        if self.view.is_preview() {
            // The end of the primer fills the roll.
            return primer_us - future_us(height_px, width_px);
        }
        primer_us + self.player.with(Player::heard_us) as f64
    }
}

fn likes_stillness() -> bool {
    let query = js::window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}
