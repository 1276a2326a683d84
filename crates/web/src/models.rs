//! What the browser keeps of teaching, in IndexedDB: models that were taught, and a run that was not ended.
//!
//! Page and worker open the same database. A value is text, bytes, or a blob of bytes.

use idb::{Database, DatabaseEvent, Factory, ObjectStoreParams, Query, TransactionMode};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use session::teach::TaughtModel;

const DATABASE: &str = "performance-rnn-teaching";
const STORE: &str = "files";

/// Before the facts of each model, and after them in the key of its weights.
const MODEL: &str = "model/";
const WEIGHTS: &str = "/weights";

/// Why something could not be kept or found, in the browser's words.
pub type Reason = String;

async fn open() -> Result<Database, Reason> {
    let mut request = Factory::new().map_err(reason)?.open(DATABASE, Some(1)).map_err(reason)?;
    request.on_upgrade_needed(|event| {
        let made = event
            .database()
            .and_then(|database| database.create_object_store(STORE, ObjectStoreParams::new()));
        if let Err(error) = made {
            web_sys::console::warn_1(&error.to_string().into());
        }
    });
    request.await.map_err(reason)
}

fn reason(error: idb::Error) -> Reason {
    error.to_string().trim_end_matches('.').to_owned()
}

/// Keeps all of these, or none of them.
///
/// # Errors
/// If there is no room, or no storage at all.
pub async fn put(entries: &[(&str, JsValue)]) -> Result<(), Reason> {
    let database = open().await?;
    let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite).map_err(reason)?;
    let store = transaction.object_store(STORE).map_err(reason)?;
    for (key, value) in entries {
        store.put(value, Some(&(*key).into())).map_err(reason)?.await.map_err(reason)?;
    }
    transaction.commit().map_err(reason)?.await.map_err(reason)?;
    database.close();
    Ok(())
}

/// What is kept under a key.
///
/// # Errors
/// If there is no storage.
pub async fn get(key: &str) -> Result<Option<JsValue>, Reason> {
    let database = open().await?;
    let transaction = database.transaction(&[STORE], TransactionMode::ReadOnly).map_err(reason)?;
    let store = transaction.object_store(STORE).map_err(reason)?;
    let found = store.get(Query::Key(key.into())).map_err(reason)?.await.map_err(reason)?;
    transaction.await.map_err(reason)?;
    database.close();
    Ok(found)
}

/// Forgets what is kept under these keys.
///
/// # Errors
/// If there is no storage.
pub async fn delete(keys: &[&str]) -> Result<(), Reason> {
    let database = open().await?;
    let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite).map_err(reason)?;
    let store = transaction.object_store(STORE).map_err(reason)?;
    for key in keys {
        store.delete(Query::Key((*key).into())).map_err(reason)?.await.map_err(reason)?;
    }
    transaction.commit().map_err(reason)?.await.map_err(reason)?;
    database.close();
    Ok(())
}

/// The bytes under a key, kept as bytes or as a blob.
///
/// # Errors
/// If there is no storage, or the blob cannot be read.
pub async fn bytes(key: &str) -> Result<Option<Vec<u8>>, Reason> {
    let Some(value) = get(key).await? else { return Ok(None) };
    let buffer = match value.dyn_into::<Blob>() {
        Ok(blob) => JsFuture::from(blob.array_buffer()).await.map_err(|error| crate::js::text(&error))?,
        Err(value) => value,
    };
    Ok(Some(Uint8Array::new(&buffer).to_vec()))
}

/// Keeps a model.
///
/// # Errors
/// If there is no room.
pub async fn keep(model: &TaughtModel, weights: &[u8]) -> Result<(), Reason> {
    let facts = serde_json::to_string(model).map_err(|error| error.to_string())?;
    let key = format!("{MODEL}{}", model.id);
    let weights_key = format!("{key}{WEIGHTS}");
    put(&[(&key, facts.into()), (&weights_key, Uint8Array::from(weights).into())]).await
}

/// All models that were kept.
///
/// # Errors
/// If there is no storage.
pub async fn models() -> Result<Vec<TaughtModel>, Reason> {
    let database = open().await?;
    let transaction = database.transaction(&[STORE], TransactionMode::ReadOnly).map_err(reason)?;
    let store = transaction.object_store(STORE).map_err(reason)?;
    let keys = store.get_all_keys(None, None).map_err(reason)?.await.map_err(reason)?;
    let is_facts = |key: &String| key.starts_with(MODEL) && !key.ends_with(WEIGHTS);
    let mut models = Vec::new();
    for key in keys.iter().filter_map(JsValue::as_string).filter(is_facts) {
        let facts = store.get(Query::Key(key.into())).map_err(reason)?.await.map_err(reason)?;
        let facts = facts.and_then(|facts| facts.as_string());
        models.extend(facts.and_then(|json| serde_json::from_str::<TaughtModel>(&json).ok()));
    }
    transaction.await.map_err(reason)?;
    database.close();
    Ok(models)
}

/// A model's weights.
///
/// # Errors
/// If there is no storage.
pub async fn weights(id: &str) -> Result<Option<Vec<u8>>, Reason> {
    bytes(&format!("{MODEL}{id}{WEIGHTS}")).await
}

/// Forgets a model.
///
/// # Errors
/// If there is no storage.
pub async fn forget(id: &str) -> Result<(), Reason> {
    let key = format!("{MODEL}{id}");
    delete(&[&key, &format!("{key}{WEIGHTS}")]).await
}
