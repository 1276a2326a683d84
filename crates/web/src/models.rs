//! What the browser keeps of teaching: models that were taught, and a run that was not ended.
//!
//! Page and worker open the same store. A value is text, bytes, or a blob of bytes.

use idb::{Query, TransactionMode};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use session::teach::TaughtModel;

use crate::database::{self, Failure, TAUGHT};

/// Before the facts of each model, and after them in the key of its weights.
const MODEL: &str = "model/";
const WEIGHTS: &str = "/weights";

/// Where earlier versions of the page kept all this: a database, and its store.
const EARLIER: &str = "performance-rnn-teaching";
const EARLIER_STORE: &str = "files";
/// Says that nothing is left there.
const MOVED: &str = "moved";

/// Takes over what an earlier version of the page has kept; once.
///
/// # Errors
/// If there is no room, or no storage at all. Then everything stays where it is.
pub async fn take_over() -> Result<(), Failure> {
    if get(MOVED).await?.is_some() {
        return Ok(());
    }
    let mut entries = vec![(MOVED.to_owned(), JsValue::TRUE)];
    let earlier = database::earlier(EARLIER).await?;
    if let Some(earlier) = &earlier {
        if earlier.store_names().iter().any(|name| name == EARLIER_STORE) {
            let transaction = earlier.transaction(&[EARLIER_STORE], TransactionMode::ReadOnly)?;
            let store = transaction.object_store(EARLIER_STORE)?;
            for key in store.get_all_keys(None, None)?.await?.iter().filter_map(JsValue::as_string) {
                let value = store.get(Query::Key((&*key).into()))?.await?;
                entries.extend(value.map(|value| (key, value)));
            }
            transaction.await?;
        }
        earlier.close();
    }
    let entries: Vec<_> = entries.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    put(&entries).await?;
    if earlier.is_some() { database::remove(EARLIER).await } else { Ok(()) }
}

/// Keeps all of these, or none of them.
///
/// # Errors
/// If there is no room, or no storage at all.
pub async fn put(entries: &[(&str, JsValue)]) -> Result<(), Failure> {
    let edit = |transaction: &idb::Transaction| {
        let store = transaction.object_store(TAUGHT)?;
        entries.iter().try_for_each(|(key, value)| store.put(value, Some(&(*key).into())).map(drop))
    };
    edited(&edit).await
}

async fn edited(edit: &dyn Fn(&idb::Transaction) -> Result<(), idb::Error>) -> Result<(), Failure> {
    let database = database::open().await?;
    let outcome = database::write(&database, edit, &[TAUGHT])?.await;
    database.close();
    outcome
}

/// What is kept under a key.
///
/// # Errors
/// If there is no storage.
pub async fn get(key: &str) -> Result<Option<JsValue>, Failure> {
    let database = database::open().await?;
    let transaction = database.transaction(&[TAUGHT], TransactionMode::ReadOnly)?;
    let store = transaction.object_store(TAUGHT)?;
    let found = store.get(Query::Key(key.into()))?.await?;
    transaction.await?;
    database.close();
    Ok(found)
}

/// Forgets what is kept under these keys.
///
/// # Errors
/// If there is no storage.
pub async fn delete(keys: &[&str]) -> Result<(), Failure> {
    let edit = |transaction: &idb::Transaction| {
        let store = transaction.object_store(TAUGHT)?;
        keys.iter().try_for_each(|key| store.delete(Query::Key((*key).into())).map(drop))
    };
    edited(&edit).await
}

/// The bytes under a key, kept as bytes or as a blob.
///
/// # Errors
/// If there is no storage, or the blob cannot be read.
pub async fn bytes(key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Some(value) = get(key).await? else { return Ok(None) };
    let buffer = match value.dyn_into::<Blob>() {
        Ok(blob) => JsFuture::from(blob.array_buffer())
            .await
            .map_err(|error| Failure::Other(crate::js::text(&error)))?,
        Err(value) => value,
    };
    Ok(Some(Uint8Array::new(&buffer).to_vec()))
}

/// Keeps a model.
///
/// # Errors
/// If there is no room.
pub async fn keep(model: &TaughtModel, weights: &[u8]) -> Result<(), Failure> {
    let facts = serde_json::to_string(model).map_err(|error| Failure::Other(error.to_string()))?;
    let key = format!("{MODEL}{}", model.id);
    let weights_key = format!("{key}{WEIGHTS}");
    put(&[(&key, facts.into()), (&weights_key, Uint8Array::from(weights).into())]).await
}

/// All models that were kept.
///
/// # Errors
/// If there is no storage.
pub async fn models() -> Result<Vec<TaughtModel>, Failure> {
    let database = database::open().await?;
    let transaction = database.transaction(&[TAUGHT], TransactionMode::ReadOnly)?;
    let store = transaction.object_store(TAUGHT)?;
    let keys = store.get_all_keys(None, None)?.await?;
    let is_facts = |key: &String| key.starts_with(MODEL) && !key.ends_with(WEIGHTS);
    let mut models = Vec::new();
    for key in keys.iter().filter_map(JsValue::as_string).filter(is_facts) {
        let facts = store.get(Query::Key(key.into()))?.await?;
        let facts = facts.and_then(|facts| facts.as_string());
        models.extend(facts.and_then(|json| serde_json::from_str::<TaughtModel>(&json).ok()));
    }
    transaction.await?;
    database.close();
    Ok(models)
}

/// A model's weights.
///
/// # Errors
/// If there is no storage.
pub async fn weights(id: &str) -> Result<Option<Vec<u8>>, Failure> {
    bytes(&format!("{MODEL}{id}{WEIGHTS}")).await
}

/// Forgets a model.
///
/// # Errors
/// If there is no storage.
pub async fn forget(id: &str) -> Result<(), Failure> {
    let key = format!("{MODEL}{id}");
    delete(&[&key, &format!("{key}{WEIGHTS}")]).await
}
