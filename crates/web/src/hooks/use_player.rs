use gloo::timers::callback::Interval;
use yew::prelude::*;

use crate::player::PlayerHandle;
use session::{Action, Playback, State};

/// How often the player reads the clock. Must be well below the shortest look-ahead.
const TICK_MS: u32 = 20;

/// Has the player play what the state asks for, and dispatches how it goes.
#[hook]
pub fn use_player(state: &State, dispatch: &Callback<Action>, player: &PlayerHandle) {
    let transport = &state.transport;
    use_effect_with(transport.run.map(|run| run.id), {
        let player = player.clone();
        move |&run| {
            if run.is_some() {
                player.with(|player| player.begin());
            }
        }
    });
    let take = state.takes.current().filter(|_| transport.run.is_some()).cloned();
    use_effect_with((transport.run.map(|run| run.id), take), {
        let player = player.clone();
        move |(_, take)| {
            if let Some(take) = take {
                player.with(|player| player.feed(take));
            }
        }
    });
    use_effect_with(transport.steering.in_flight().map(|splice| splice.at_us), {
        let player = player.clone();
        move |&from_us| player.with(|player| player.hold(from_us))
    });
    use_effect_with(state.speed.buffer_us(), {
        let player = player.clone();
        move |&buffer_us| player.with(|player| player.set_buffer_us(buffer_us))
    });
    use_effect_with(state.settings.volume, {
        let player = player.clone();
        move |&volume| player.with(|player| player.set_volume(volume))
    });
    use_ticks(state, dispatch, player);
}

/// Ticks as long as the page lives: a notice can come at any time. Dispatches changes only.
#[hook]
fn use_ticks(state: &State, dispatch: &Callback<Action>, player: &PlayerHandle) {
    let told = use_mut_ref(|| (Playback::Stopped, 0));
    *told.borrow_mut() = (state.transport.playback, state.transport.position_secs);
    use_effect_with((), {
        let (dispatch, player) = (dispatch.clone(), player.clone());
        move |()| {
            let interval = Interval::new(TICK_MS, move || {
                let (news, notices) = player.with(|player| {
                    player.tick();
                    (player.take_news(), player.take_notices())
                });
                for notice in notices {
                    dispatch.emit(Action::Notify(notice));
                }
                if let Some((playback, position_us)) = news {
                    let position_secs = position_us / 1_000_000;
                    if *told.borrow() != (playback, position_secs) {
                        dispatch.emit(Action::Played { playback, position_secs });
                    }
                }
            });
            move || drop(interval)
        }
    });
}
