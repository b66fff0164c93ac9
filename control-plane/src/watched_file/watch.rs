//! Hears when something happens to the file.

use super::settle::Touch;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;
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
        // Events carry absolute paths.
        let file = std::path::absolute(file)?;
        let directory = file.parent().unwrap_or(&file).to_owned();
        let newest = Arc::new(Newest::default());
        let teller = newest.clone();
        let mut watcher = notify::recommended_watcher(move |event| teller.tell(&file, event))?;
        watcher.watch(&directory, RecursiveMode::NonRecursive)?;
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
    fn tell(&self, file: &Path, event: notify::Result<Event>) {
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
fn touch(file: &Path, event: &Event) -> Option<Touch> {
    if event.need_rescan() {
        return Some(Touch::Complete);
    }
    if !event.paths.iter().any(|path| path == file) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, DataChange, RemoveKind, RenameMode};

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const RENAMED: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(path.into())
    }

    #[test]
    fn writing_is_not_complete_until_the_writer_closes_the_file() {
        let file = Path::new("/directory/file");
        let means = |kind: EventKind| touch(file, &event(kind, "/directory/file"));
        assert_eq!(means(EventKind::Create(CreateKind::File)), Some(Touch::Writing));
        assert_eq!(means(WRITTEN), Some(Touch::Writing));
        assert_eq!(means(CLOSED), Some(Touch::Complete));
        assert_eq!(means(RENAMED), Some(Touch::Complete));
        assert_eq!(means(EventKind::Remove(RemoveKind::File)), Some(Touch::Complete));
    }

    #[test]
    fn reading_the_file_is_nothing_that_happens_to_it() {
        let opened = event(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/directory/file");
        assert_eq!(touch(Path::new("/directory/file"), &opened), None);
    }

    #[test]
    fn other_files_matter_only_to_a_link() {
        let directory = tempfile::TempDir::new().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let renamed = event(RENAMED, "/directory/..data");
        assert_eq!(touch(&file, &renamed), None);
        assert_eq!(touch(&link, &renamed), Some(Touch::Complete));
        assert_eq!(touch(&link, &event(WRITTEN, "/directory/other")), None);
    }

    #[tokio::test]
    async fn a_file_named_relative_to_the_working_directory_is_watched() {
        let directory = tempfile::TempDir::new_in(".").unwrap();
        let file = Path::new(directory.path().file_name().unwrap()).join("file");
        let watch = FileWatch::new(&file).unwrap();
        std::fs::write(&file, "content").unwrap();
        let complete = async { while watch.touched().await != Touch::Complete {} };
        tokio::time::timeout(std::time::Duration::from_secs(20), complete).await.unwrap();
    }
}
