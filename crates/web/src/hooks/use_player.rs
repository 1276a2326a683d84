use gloo::events::EventListener;
use gloo::timers::callback::Interval;
use yew::prelude::*;

use crate::player::{Player, PlayerHandle};
use crate::{js, storage};
use session::{Action, EngineState, Playback, State};

/// How often the player reads the clock. Must be well below the shortest look-ahead.
const TICK_MS: u32 = 20;

/// Has the player play what the state asks for, and dispatches how it goes.
#[hook]
pub fn use_player(state: &State, dispatch: &Callback<Action>, player: &PlayerHandle) {
    let transport = &state.transport;
    let is_running = transport.run.is_some();
    let last_cue = use_mut_ref(|| transport.cue.id);
    use_effect_with((transport.cue, is_running), {
        let (player, is_stopped) = (player.clone(), transport.playback == Playback::Stopped);
        move |&(cue, is_running)| {
            let is_new = std::mem::replace(&mut *last_cue.borrow_mut(), cue.id) != cue.id;
            match (is_new, is_running) {
                (true, true) => player.with(|player| player.begin(cue.from_us)),
                (true, false) => player.with(|player| player.rest(cue.from_us)),
                (false, false) if is_stopped => player.with(Player::stop),
                // What is finished rings out.
                (false, _) => {}
            }
        }
    });
    let take = state.takes.current().filter(|_| is_running).cloned();
    use_effect_with((transport.cue.id, take), {
        let player = player.clone();
        move |(_, take)| {
            if let Some(take) = take {
                player.with(|player| player.feed(take));
            }
        }
    });
    let is_paused = transport.playback == Playback::Paused;
    use_effect_with((transport.cue.id, is_paused), {
        let player = player.clone();
        move |&(_, is_paused)| player.with(|player| player.set_paused(is_paused))
    });
    use_effect_with(state.mark.filter(|_| transport.is_looping), {
        let player = player.clone();
        move |&looped| player.with(|player| player.set_loop(looped))
    });
    use_effect_with(transport.steering.in_flight().map(|splice| splice.at_us), {
        let player = player.clone();
        move |&from_us| player.with(|player| player.hold(from_us))
    });
    use_effect_with(state.speed.buffer_us(), {
        let player = player.clone();
        move |&buffer_us| player.with(|player| player.set_buffer_us(buffer_us))
    });
    use_effect_with(state.outputs.pedal, {
        let player = player.clone();
        move |&pedal| {
            storage::store_pedal(pedal);
            player.with(|player| player.set_pedal(pedal));
        }
    });
    use_effect_with(state.settings.volume, {
        let player = player.clone();
        move |&volume| player.with(|player| player.set_volume(volume))
    });
    use_leaving(dispatch, player);
    // Before the model and the first notes are here, the line is theirs.
    let is_idle = matches!(state.engine, EngineState::Ready(_)) && transport.playback != Playback::Starting;
    use_effect_with(is_idle, {
        let player = player.clone();
        move |&is_idle| player.with(|player| player.samples()).set_idle(is_idle)
    });
    use_ticks(state, dispatch, player);
}

/// Closing, reloading and leaving the page leaves no key of a device down; nor does freezing, where the browser says
/// so first.
#[hook]
fn use_leaving(dispatch: &Callback<Action>, player: &PlayerHandle) {
    use_effect_with((), {
        let (dispatch, player) = (dispatch.clone(), player.clone());
        move |()| {
            let leave = move |_: &web_sys::Event| {
                player.with(Player::leave);
                // A page that comes back from the browser's memory pauses where it was.
                dispatch.emit(Action::Pause);
            };
            let on_hide = EventListener::new(&js::window(), "pagehide", leave.clone());
            let on_freeze = EventListener::new(&gloo::utils::document(), "freeze", leave);
            move || drop((on_hide, on_freeze))
        }
    });
}

/// Ticks as long as the page lives: a notice can come at any time. Dispatches changes only.
#[hook]
fn use_ticks(state: &State, dispatch: &Callback<Action>, player: &PlayerHandle) {
    let told = use_mut_ref(|| (Playback::Stopped, 0));
    *told.borrow_mut() = (state.transport.playback, state.transport.position_secs());
    use_effect_with((), {
        let (dispatch, player) = (dispatch.clone(), player.clone());
        move |()| {
            let interval = Interval::new(TICK_MS, move || {
                let (news, notices, settled) = player.with(|player| {
                    player.tick();
                    (player.take_news(), player.take_notices(), player.take_settled())
                });
                for notice in settled {
                    dispatch.emit(Action::Settle(notice));
                }
                for notice in notices {
                    dispatch.emit(Action::Notify(notice));
                }
                if let Some((playback, position_us)) = news
                    && *told.borrow() != (playback, position_us / 1_000_000)
                {
                    dispatch.emit(Action::Played { playback, position_us });
                }
            });
            move || drop(interval)
        }
    });
}
