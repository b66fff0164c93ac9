//! Hears when something happens to the file.

use super::settle::Touch;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// A watch on the directory of a file.
///
/// The file itself cannot be watched: a rename into its place, and a `ConfigMap`'s swap of the directory behind the file,
/// would be the end of such a watch.
#[derive(Debug)]
pub struct FileWatch {
    newest: Arc<Newest>,
    _watcher: RecommendedWatcher,
}

#[derive(Debug, Default)]
struct Newest {
    touch: Mutex<Option<Touch>>,
    told: Notify,
}

impl FileWatch {
    /// Watches the directory of this file.
    pub fn new(file: &Path) -> notify::Result<Self> {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = directory.join(file.file_name().unwrap_or_default());
        let newest = Arc::new(Newest::default());
        let teller = newest.clone();
        let mut watcher = notify::recommended_watcher(move |event| teller.tell(&file, event))?;
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
        Ok(Self { newest, _watcher: watcher })
    }

    /// Waits until something happens to the file. Of several things the last one counts.
    pub async fn touched(&self) -> Touch {
        loop {
            if let Some(touch) = self.newest.take() {
                return touch;
            }
            self.newest.told.notified().await;
        }
    }
}

impl Newest {
    fn tell(&self, file: &PathBuf, event: notify::Result<Event>) {
        // An error may mean that events were lost.
        let touch = event.map_or(Some(Touch::Complete), |event| touch(file, &event));
        if touch.is_some() {
            *self.touch.lock().unwrap_or_else(PoisonError::into_inner) = touch;
            self.told.notify_one();
        }
    }

    fn take(&self) -> Option<Touch> {
        self.touch.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What an event means for the file.
fn touch(file: &PathBuf, event: &Event) -> Option<Touch> {
    if event.need_rescan() {
        return Some(Touch::Complete);
    }
    if !event.paths.contains(file) {
        return swapped_behind(file, event.kind).then_some(Touch::Complete);
    }
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Touch::Complete),
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Name(_) | ModifyKind::Metadata(_)) | EventKind::Remove(_) => {
            Some(Touch::Complete)
        }
        _ => Some(Touch::Writing),
    }
}

/// Whether the file is a link and something beside it was renamed: perhaps what the link leads through.
fn swapped_behind(file: &Path, kind: EventKind) -> bool {
    matches!(kind, EventKind::Modify(ModifyKind::Name(_))) && file.is_symlink()
}
