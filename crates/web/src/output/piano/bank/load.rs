//! Fetching and decoding: what the next notes need first, and the rest while the line is idle.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::ArrayBuffer;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{OfflineAudioContext, Response};

use super::layers::{Bank, Decoded, Fetched, IsWanted, Layer, PackIndex, SampleId};
use crate::js;
use crate::output::piano::SAMPLE_RATE;

/// Where the pack lies, beside the page.
const FOLDER: &str = "piano/";
/// Decodings at a time. Browsers decode on other threads; more than there are cores does not help.
const MAX_DECODING: usize = 4;

/// Fetches at a time for notes, as many as browsers allow for one server ...
const MAX_FETCHING: usize = 6;
/// ... and for nobody yet.
const MAX_IDLY_FETCHING: usize = 2;

/// Starts fetches and decodings while there is something to do.
pub(super) fn pump(bank: &Rc<RefCell<Bank>>) {
    fetch_next(bank);
    decode_next(bank);
}

fn fetch_next(bank: &Rc<RefCell<Bank>>) {
    loop {
        let mut borrowed = bank.borrow_mut();
        let Some((id, is_wanted)) = borrowed.next_to_fetch() else { return };
        let limit = if is_wanted == IsWanted::Yes { MAX_FETCHING } else { MAX_IDLY_FETCHING };
        if borrowed.fetching >= limit {
            return;
        }
        borrowed.fetching += 1;
        let Some(folder) = borrowed.layer(id.0).map(|layer| layer.folder.clone()) else { return };
        let Some(sample) = borrowed.sample_mut(id) else { return };
        sample.file = Fetched::UnderWay;
        let file = format!("{folder}/{}.mp3", sample.key);
        spawn_local(fetch(Rc::downgrade(bank), id, file));
    }
}

async fn fetch(bank: Weak<RefCell<Bank>>, id: SampleId, file: String) {
    let fetched = bytes(&file).await;
    let Some(bank) = bank.upgrade() else { return };
    let mut borrowed = bank.borrow_mut();
    borrowed.fetching -= 1;
    if let Err(error) = &fetched {
        borrowed.failure = Some(js::text(error));
    }
    if let Some(sample) = borrowed.sample_mut(id) {
        sample.file = fetched.map_or(Fetched::Failed, Fetched::Here);
    }
    drop(borrowed);
    pump(&bank);
}

async fn bytes(file: &str) -> Result<ArrayBuffer, JsValue> {
    Ok(JsFuture::from(get(file).await?.array_buffer()?).await?.unchecked_into())
}

fn decode_next(bank: &Rc<RefCell<Bank>>) {
    loop {
        let mut borrowed = bank.borrow_mut();
        if borrowed.decoding >= MAX_DECODING {
            return;
        }
        let Some((id, bytes)) = borrowed.next_to_decode() else { return };
        if let Some(sample) = borrowed.sample_mut(id) {
            sample.state = Decoded::UnderWay;
        }
        borrowed.decoding += 1;
        spawn_local(decode(Rc::downgrade(bank), id, bytes));
    }
}

async fn decode(bank: Weak<RefCell<Bank>>, id: SampleId, bytes: ArrayBuffer) {
    let decoded = match bank.upgrade().map(|bank| decoder(&mut bank.borrow_mut())) {
        Some(Ok(decoder)) => match decoder.decode_audio_data(&bytes) {
            Ok(promise) => JsFuture::from(promise).await,
            Err(error) => Err(error),
        },
        Some(Err(error)) => Err(error),
        None => return,
    };
    let Some(bank) = bank.upgrade() else { return };
    let mut borrowed = bank.borrow_mut();
    borrowed.decoding -= 1;
    borrowed.clock += 1;
    let clock = borrowed.clock;
    if let Err(error) = &decoded {
        borrowed.failure = Some(format!("a sample could not be decoded: {}", js::text(error)));
    }
    if let Some(sample) = borrowed.sample_mut(id) {
        sample.used = clock;
        sample.state = decoded.map_or(Decoded::Failed, |buffer| Decoded::Here(buffer.unchecked_into()));
    }
    borrowed.make_room();
    drop(borrowed);
    pump(&bank);
}

/// Decodes without an open sound, and so before the visitor presses anything.
fn decoder(bank: &mut Bank) -> Result<OfflineAudioContext, JsValue> {
    if let Some(decoder) = &bank.decoder {
        return Ok(decoder.clone());
    }
    let new = OfflineAudioContext::new_with_number_of_channels_and_length_and_sample_rate;
    let decoder = new(2, 1, SAMPLE_RATE)?;
    bank.decoder = Some(decoder.clone());
    Ok(decoder)
}

/// Fetches the index, after which samples can be.
pub(super) async fn open(bank: Weak<RefCell<Bank>>) {
    let index = index().await;
    let Some(bank) = bank.upgrade() else { return };
    let mut borrowed = bank.borrow_mut();
    borrowed.is_opening = false;
    match index {
        Ok(index) => {
            borrowed.layers = index.layers.into_iter().map(Layer::new).collect();
            borrowed.release = Some(Layer::new(index.release));
        }
        Err(error) => borrowed.failure = Some(js::text(&error)),
    }
    drop(borrowed);
    pump(&bank);
}

async fn index() -> Result<PackIndex, JsValue> {
    let text = JsFuture::from(get("index.json").await?.text()?).await?.as_string().unwrap_or_default();
    serde_json::from_str(&text).map_err(|error| error.to_string().into())
}

async fn get(file: &str) -> Result<Response, JsValue> {
    let url = js::asset_url(&format!("{FOLDER}{file}"))?;
    let response: Response = JsFuture::from(js::window().fetch_with_str(&url)).await?.unchecked_into();
    if !response.ok() {
        return Err(format!("the server answered {} for {file}", response.status()).into());
    }
    if js::is_page(&response) {
        return Err(format!("the server has no {file}: it sent a web page instead").into());
    }
    Ok(response)
}
