//! Silences and what was told, on disk: read at the start, written anew as a whole after each change.
//!
//! The file is small and replaced at once, so that it is always whole. Alerts are not kept: whoever sends them does so again.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decide::Core;
use super::labels::Fingerprint;
use super::matchers::{Matcher, Op};
use super::notified::{Notified, Told};
use super::silences::{Silence, Silences};
use crate::store::aside_of;

/// The form of the file.
const FORM: u32 = 1;
/// The most bytes of a file that is read.
const MOST: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Saved {
    form: u32,
    silences: Vec<SavedSilence>,
    notifications: Vec<SavedTold>,
}

#[derive(Serialize, Deserialize)]
struct SavedSilence {
    id: String,
    matchers: Vec<SavedMatcher>,
    starts_at: String,
    ends_at: String,
    updated_at: String,
    created_by: String,
    comment: String,
}

#[derive(Serialize, Deserialize)]
struct SavedMatcher {
    name: String,
    value: String,
    is_equal: bool,
    is_regex: bool,
}

#[derive(Serialize, Deserialize)]
struct SavedTold {
    key: String,
    firing: Vec<Fingerprint>,
    resolved: Vec<Fingerprint>,
    at: String,
    forget_at: String,
}

/// What a core knows, as the file has it.
///
/// # Errors
/// There is no memory for it.
pub(super) fn write(core: &Core) -> io::Result<Vec<u8>> {
    let matcher = |m: &Matcher| SavedMatcher {
        name: m.name.clone(),
        value: m.value.clone(),
        is_equal: m.op.is_equal(),
        is_regex: m.op.is_regex(),
    };
    let silence = |s: &Silence| SavedSilence {
        id: s.id.clone(),
        matchers: s.matchers.iter().map(matcher).collect(),
        starts_at: s.starts_at.to_string(),
        ends_at: s.ends_at.to_string(),
        updated_at: s.updated_at.to_string(),
        created_by: s.created_by.clone(),
        comment: s.comment.clone(),
    };
    let told = |(key, told): (&str, &Told)| SavedTold {
        key: key.to_owned(),
        firing: told.firing.iter().copied().collect(),
        resolved: told.resolved.iter().copied().collect(),
        at: told.at.to_string(),
        forget_at: told.forget_at.to_string(),
    };
    let saved = Saved {
        form: FORM,
        silences: core.silences.iter().map(silence).collect(),
        notifications: core.notified.iter().map(told).collect(),
    };
    Ok(serde_json::to_vec(&saved)?)
}

/// Replaces the file at once.
///
/// # Errors
/// The disk takes no data; the old file is as it was.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, path)
}

/// Reads the file; one that is damaged is set aside, and its place is said.
///
/// # Errors
/// The folder cannot be made or read.
pub(super) fn read(path: &Path) -> io::Result<(Silences, Notified)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = match fs::metadata(path).map(|found| found.len()) {
        Ok(length) if length > MOST => Err(format!("it is larger than {MOST} bytes")),
        Ok(_) => Ok(fs::read(path)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(nothing()),
        Err(error) => return Err(error),
    };
    match text.and_then(|text| parse(&text)) {
        Ok(read) => Ok(read),
        Err(what) => {
            let aside = aside_of(path);
            fs::rename(path, &aside)?;
            tracing::warn!(file = %aside.display(), what, "silences and notifications cannot be read; the file is set aside");
            Ok(nothing())
        }
    }
}

fn nothing() -> (Silences, Notified) {
    (Silences::default(), Notified::default())
}

fn parse(text: &[u8]) -> Result<(Silences, Notified), String> {
    let saved: Saved = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if saved.form != FORM {
        return Err(format!("form {} is not known", saved.form));
    }
    let time = |text: &str| text.parse::<Timestamp>().map_err(|error| error.to_string());
    let silence = |s: SavedSilence| -> Result<Silence, String> {
        let matcher = |m: &SavedMatcher| Matcher::new(&m.name, Op::of(m.is_equal, m.is_regex), &m.value);
        Ok(Silence {
            matchers: s.matchers.iter().map(matcher).collect::<Result<_, String>>()?,
            starts_at: time(&s.starts_at)?,
            ends_at: time(&s.ends_at)?,
            updated_at: time(&s.updated_at)?,
            id: s.id,
            created_by: s.created_by,
            comment: s.comment,
        })
    };
    let told = |t: SavedTold| -> Result<(String, Told), String> {
        let told = Told {
            firing: t.firing.into_iter().collect(),
            resolved: t.resolved.into_iter().collect(),
            at: time(&t.at)?,
            forget_at: time(&t.forget_at)?,
        };
        Ok((t.key, told))
    };
    let silences = saved.silences.into_iter().map(silence).collect::<Result<Vec<_>, String>>()?;
    let notified = saved.notifications.into_iter().map(told).collect::<Result<Vec<_>, String>>()?;
    Ok((Silences::new(silences), Notified::new(notified)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::alert::tests::at;
    use crate::alertmanager::config::Config;
    use crate::alertmanager::silences::tests::silence;

    fn core(silences: Silences, notified: Notified) -> Core {
        Core::new(Config::load(None).expect("valid"), silences, notified, String::new(), at(0))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("alertmanager/state.json");
        let (mut silences, mut notified) = read(&path).expect("nothing yet");
        let id = silences.set(silence("a=~\"x|y\",b!=1", 0, 50), || "one".to_owned(), at(0)).expect("taken");
        let news = crate::alertmanager::notified::News {
            firing: [Fingerprint(u64::MAX)].into(),
            resolved: [Fingerprint(1)].into(),
        };
        notified.write_down("key".to_owned(), news, std::time::Duration::from_secs(60), at(1));
        let before = core(silences, notified);
        replace(&path, &write(&before).expect("JSON")).expect("written");

        let (silences, notified) = read(&path).expect("read");
        let texts = |s: &Silence| s.matchers.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (old, new) = (before.silences.get(&id).expect("there"), silences.get(&id).expect("there"));
        assert_eq!((texts(old), old.ends_at, &old.comment), (texts(new), new.ends_at, &new.comment));
        assert!(notified.iter().eq(before.notified.iter()));
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.json");
        for damaged in ["", "{", "{\"form\":2,\"silences\":[],\"notifications\":[]}"] {
            fs::write(&path, damaged).expect("written");
            let (silences, _) = read(&path).expect("goes on without");
            assert_eq!(silences.iter().count(), 0);
            assert!(!path.exists());
        }
        let names = fs::read_dir(folder.path()).expect("there").flatten();
        assert!(
            names
                .into_iter()
                .all(|entry| entry.file_name().to_string_lossy().contains("state.json.corrupt-"))
        );
    }
}
