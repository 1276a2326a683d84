use std::cell::RefCell;
use std::rc::Rc;

use gloo::render::{AnimationFrame, request_animation_frame};
use session::Playback;
use session::roll::{Landmark, Reading, RollSource, Section, Zoom, sections};
use yew::prelude::*;

use super::Theme;
use crate::player::PlayerHandle;
use crate::roll::{ConsideredHandle, Look, Painter, RollNodes};

/// The roll as it is drawn, for the elements around it. Times are since the primer's end, in microseconds.
#[derive(Clone)]
pub struct RollHandle(Rc<RefCell<Painter>>);

impl RollHandle {
    /// What the music is like around a time.
    #[must_use]
    pub fn reading(&self, at_us: u64) -> Reading {
        let view = &self.0.borrow().view;
        Reading::around(&view.timeline, view.primer_us() + at_us)
    }

    /// See [`sections`].
    #[must_use]
    pub fn sections(&self, landmarks: &[Landmark]) -> Vec<Section> {
        let view = &self.0.borrow().view;
        sections(&view.timeline, view.primer_us(), landmarks)
    }

    /// The play-head, and the end of the music so far.
    #[must_use]
    pub fn head_and_end_us(&self) -> (u64, u64) {
        let painter = self.0.borrow();
        (painter.head_us(), painter.end_us())
    }

    /// See [`Painter::time_at`].
    #[must_use]
    pub fn time_at(&self, y_px: f64) -> Option<u64> {
        self.0.borrow().time_at(y_px)
    }
}

impl PartialEq for RollHandle {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// What is to be drawn.
pub struct Drawn<'a> {
    pub source: &'a RollSource,
    pub playback: Playback,
    pub changes: &'a Rc<Vec<Landmark>>,
    pub theme: Theme,
    pub zoom: Zoom,
    /// What the network considered, if it is to be shown.
    pub considered: Option<ConsideredHandle>,
}

/// Draws roll and overview on canvases, once per animation frame in which something has changed. Calls
/// `on_look` when the elements around them are to show something else.
#[hook]
pub fn use_roll(
    nodes: &RollNodes,
    drawn: &Drawn<'_>,
    player: &PlayerHandle,
    on_look: Callback<Look>,
) -> RollHandle {
    let painter = use_mut_ref(|| Painter::new(player.clone()));
    use_effect_with((drawn.source.clone(), drawn.playback), {
        let painter = Rc::clone(&painter);
        move |(source, playback)| painter.borrow_mut().show(source, *playback)
    });
    use_effect_with(Rc::clone(drawn.changes), {
        let painter = Rc::clone(&painter);
        move |changes| painter.borrow_mut().show_changes(changes)
    });
    use_effect_with(drawn.zoom, {
        let painter = Rc::clone(&painter);
        move |&zoom| painter.borrow_mut().set_zoom(zoom)
    });
    use_effect_with(drawn.considered.clone(), {
        let painter = Rc::clone(&painter);
        move |considered| painter.borrow_mut().show_considered(considered.clone())
    });
    use_effect_with(drawn.theme, {
        let painter = Rc::clone(&painter);
        move |_| painter.borrow_mut().forget_colors()
    });
    use_effect_with(nodes.clone(), {
        let painter = Rc::clone(&painter);
        move |nodes| {
            let frames = Frames::start(Rc::new(Frame { nodes: nodes.clone(), painter, on_look }));
            move || drop(frames)
        }
    });
    RollHandle(painter)
}

struct Frame {
    nodes: RollNodes,
    painter: Rc<RefCell<Painter>>,
    on_look: Callback<Look>,
}

/// Requests one animation frame after another, until it is dropped.
struct Frames {
    _next: Rc<RefCell<Option<AnimationFrame>>>,
}

impl Frames {
    fn start(frame: Rc<Frame>) -> Self {
        let next = Rc::new(RefCell::new(None));
        Self::request(&next, frame, Look::default());
        Self { _next: next }
    }

    fn request(next: &Rc<RefCell<Option<AnimationFrame>>>, frame: Rc<Frame>, last: Look) {
        let weak = Rc::downgrade(next);
        let request = request_animation_frame(move |now_ms| {
            let look = frame.painter.borrow_mut().paint(&frame.nodes, now_ms).unwrap_or(last);
            if look != last {
                frame.on_look.emit(look);
            }
            if let Some(next) = weak.upgrade() {
                Self::request(&next, frame, look);
            }
        });
        *next.borrow_mut() = Some(request);
    }
}
