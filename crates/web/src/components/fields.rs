use performance::midi::Pedal;
use yew::prelude::*;

use super::{Glyph, Icon, value_of, when};
use session::{Action, Length, Midi, OutputChoice, Outputs, TEMPERATURES};

/// The option that asks the browser for MIDI devices.
const CONNECT: &str = "connect";
const PIANO: &str = "piano";

#[derive(Properties, PartialEq)]
pub struct TemperatureFieldProps {
    pub value: f32,
    pub dispatch: Callback<Action>,
}

/// How much the network dares.
#[component]
pub fn TemperatureField(TemperatureFieldProps { value, dispatch }: &TemperatureFieldProps) -> Html {
    let oninput =
        when(dispatch, |event: InputEvent| value_of(&event).parse().ok().map(Action::SetTemperature));
    html! {
        <div class="field">
            <label for="temperature">{ "Temperature" }</label>
            <input id="temperature" type="range" min={TEMPERATURES.start().to_string()}
                max={TEMPERATURES.end().to_string()} step="0.02" value={value.to_string()} {oninput}
                title="Low plays safe, high takes risks. Heard at once." />
            <span class="value" aria-hidden="true">{ format!("{value:.2}") }</span>
        </div>
    }
}

#[derive(Properties, PartialEq)]
pub struct LengthFieldProps {
    pub value: Length,
    pub dispatch: Callback<Action>,
}

/// How long the next performance becomes.
#[component]
pub fn LengthField(LengthFieldProps { value, dispatch }: &LengthFieldProps) -> Html {
    let onchange = dispatch.reform(|event: Event| Action::SetLength(Length::from_value(&value_of(&event))));
    html! {
        <div class="field">
            <label for="length">{ "Length" }</label>
            <select id="length" {onchange}>
                { for Length::ALL.into_iter().map(|length| html! {
                    <option value={length.value()} selected={length == *value}>{ length.label() }</option>
                }) }
            </select>
        </div>
    }
}

#[derive(Properties, PartialEq)]
pub struct OutputFieldProps {
    pub outputs: Outputs,
    pub dispatch: Callback<Action>,
    /// Asks the browser for MIDI devices.
    pub on_connect: Callback<()>,
}

#[component]
pub fn OutputField(OutputFieldProps { outputs, dispatch, on_connect }: &OutputFieldProps) -> Html {
    let select = use_node_ref();
    let chosen = match &outputs.choice {
        OutputChoice::Piano => PIANO.to_owned(),
        OutputChoice::Midi(id) => format!("midi:{id}"),
    };
    // The browser changes a select by itself; set it back to the state.
    use_effect({
        let (select, chosen) = (select.clone(), chosen.clone());
        move || {
            if let Some(select) = select.cast::<web_sys::HtmlSelectElement>() {
                select.set_value(&chosen);
            }
        }
    });
    let refresh = use_force_update();
    let onchange = {
        let (dispatch, on_connect) = (dispatch.clone(), on_connect.clone());
        Callback::from(move |event: Event| {
            let value = value_of(&event);
            match value.strip_prefix("midi:") {
                Some(id) => dispatch.emit(Action::SetOutput(OutputChoice::Midi(id.to_owned()))),
                None if value == CONNECT => {
                    on_connect.emit(());
                    refresh.force_update();
                }
                None => dispatch.emit(Action::SetOutput(OutputChoice::Piano)),
            }
        })
    };
    let connect = match &outputs.midi {
        Midi::Ports(ports) if !ports.is_empty() => None,
        _ => Some("MIDI device…"),
    };
    let on_pedal = {
        let other = if outputs.pedal == Pedal::Written { Pedal::InNotes } else { Pedal::Written };
        dispatch.reform(move |_: Event| Action::SetPedal(other))
    };
    html! {
        <div class="field output">
            <label for="output">{ "Output" }</label>
            <select id="output" ref={select} {onchange}>
                <option value={PIANO}>{ "Built-in piano" }</option>
                { for outputs.ports().iter().map(|port| html! {
                    <option key={port.id.clone()} value={format!("midi:{}", port.id)}>{ &port.name }</option>
                }) }
                if let Some(connect) = connect {
                    <option value={CONNECT}>{ connect }</option>
                }
            </select>
            <label class="check" title="In MIDI files and on MIDI devices, a sustain pedal holds what two hands cannot. It sounds the same.">
                <input type="checkbox" checked={outputs.pedal == Pedal::Written} onchange={on_pedal} />{ "Write pedal" }
            </label>
        </div>
    }
}

#[derive(Properties, PartialEq)]
pub struct VolumeFieldProps {
    pub value: u8,
    /// A MIDI device has a volume of its own.
    pub is_piano: bool,
    pub dispatch: Callback<Action>,
}

/// Volume of the built-in piano.
#[component]
pub fn VolumeField(VolumeFieldProps { value, is_piano, dispatch }: &VolumeFieldProps) -> Html {
    let oninput = when(dispatch, |event: InputEvent| value_of(&event).parse().ok().map(Action::SetVolume));
    let title = if *is_piano { "Volume" } else { "The MIDI device has a volume of its own" };
    html! {
        <label class="volume" {title}>
            <Icon glyph={Glyph::Speaker} />
            <span class="hidden">{ "Volume" }</span>
            <input type="range" min="0" max="100" step="1" value={value.to_string()} disabled={!is_piano} {oninput} />
        </label>
    }
}
