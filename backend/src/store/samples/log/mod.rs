//! The sample log: what a restart keeps of the samples in memory. Two kinds of file in a folder of their own.
//!
//! - `chunks-N.log`: chunks that are done, as the bytes that they are in memory. A file is dropped whole, when all of it is
//!   too old or the files are too much.
//! - `recent-N.log`: the chunks that were growing when the file was begun, then every sample since. When it is large a new
//!   one is begun, and the old one is deleted: whatever it had is by then in the new one or done.
//!
//! Appending puts bytes into a buffer under the lock that it holds anyway; one thread writes it out, several times a second.
//! A process that is killed loses what was appended since. Nothing waits for the disk: when that takes nothing, samples are
//! kept in memory as ever, the log falls behind, and is whole again as soon as there is room.
//!
//! `buffer` gathers, `writer` writes, `replay` reads back, `record` frames and checks, `files` names.

mod buffer;
mod files;
mod record;
mod replay;
mod writer;

pub(super) use buffer::Buffer;
pub(crate) use writer::LogHandle;
pub(super) use writer::start;
