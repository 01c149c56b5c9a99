//! Files of lines in blocks: cut where a line ends, read by as many threads as there are cores, and put
//! together in the order of the file. What a reader gets is the same as if it had read line by line.

use super::Tear;
use crate::base::{Error, Result};
use crate::source::MAX_RECORD_BYTES;
use crate::source::collect::{Books, Collector, Kept};
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use arrow::array::RecordBatch;
use memchr::{memchr, memchr_iter, memrchr};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::num::NonZero;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Bytes of a block. A longer line is a block of its own.
const BLOCK_BYTES: usize = 4 << 20;

/// Whole lines.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
    /// Line of the file that is its first, from 1.
    pub(super) line: u64,
    /// Lines before it that are not blank.
    seen: u64,
    /// Its only line is longer than allowed; it has been stepped over.
    pub(super) too_long: bool,
    pub(super) end: End,
}

/// How the last line of a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// The file ends in it: it may have been cut off.
    Open,
    /// The packed file breaks off in it.
    Torn,
}

/// Reads the lines of one block.
pub(super) type ReadBlock<'a> = &'a (dyn Fn(&Block, &mut Collector<'_>) -> Result<()> + Sync);

/// Number of a block, what came of it, and its buffer.
type BlockRead = (usize, Result<(Vec<RecordBatch>, Books)>, Vec<u8>);

/// Reads a file of lines, each of which is one row of the source or is refused as one.
pub(super) fn read(
    input: Box<dyn Read>,
    tear: &Tear,
    mapping: &Mapping,
    ctx: &DecodeContext,
    out: &mut Collector<'_>,
    block: ReadBlock<'_>,
) -> Result<()> {
    let mut blocks = Blocks::new(input, tear);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let Some(first) = blocks.next()? else {
        blocks.close(out);
        return Ok(());
    };
    if blocks.ended {
        block(&first, out)?;
        blocks.close(out);
        return Ok(());
    }
    let (to_read, work) = sync_channel::<(usize, Block)>(threads);
    let (done, results) = channel::<BlockRead>();
    let work = &Mutex::new(work);
    thread::scope(|scope| {
        // Both end with this closure, however it ends, and the threads with them.
        let (to_read, results) = (to_read, results);
        for _ in 0..threads {
            let done = done.clone();
            scope.spawn(move || work_off(work, &done, mapping, ctx, block));
        }
        drop(done);
        let mut joined = Joined::default();
        let (mut next, mut sent) = (Some(first), 0_usize);
        loop {
            match next.take() {
                Some(ready) if sent < joined.count + 2 * threads => {
                    to_read
                        .send((sent, ready))
                        .map_err(|_| Error::internal("a thread that reads blocks is gone"))?;
                    sent += 1;
                    next = blocks.next()?;
                }
                ready => {
                    next = ready;
                    if sent == joined.count {
                        blocks.close(out);
                        return Ok(());
                    }
                    let result = results
                        .recv()
                        .map_err(|_| Error::internal("the threads that read blocks are gone"))?;
                    blocks.spare.push(joined.take(result, out)?);
                }
            }
        }
    })
}

/// The same for lines that may hold many rows: block after block.
pub(super) fn read_in_order(
    input: Box<dyn Read>,
    tear: &Tear,
    out: &mut Collector<'_>,
    block: ReadBlock<'_>,
) -> Result<()> {
    let mut blocks = Blocks::new(input, tear);
    while let Some(next) = blocks.next()? {
        block(&next, out)?;
        blocks.spare.push(next.bytes);
    }
    blocks.close(out);
    Ok(())
}

fn work_off(
    work: &Mutex<Receiver<(usize, Block)>>,
    done: &Sender<BlockRead>,
    mapping: &Mapping,
    ctx: &DecodeContext,
    read: ReadBlock<'_>,
) {
    let mut kept = Kept::default();
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, block)) = next else { return };
        let mut batches = Vec::new();
        let mut keep = |batch| {
            batches.push(batch);
            Ok(())
        };
        let part = Collector::part(mapping, ctx, &mut keep, block.seen, std::mem::take(&mut kept));
        let closed = part.and_then(|mut part| {
            read(&block, &mut part)?;
            part.close()
        });
        let result = closed.map(|(books, learnt)| {
            kept = learnt;
            (batches, books)
        });
        if done.send((number, result, block.bytes)).is_err() {
            return;
        }
    }
}

/// What came of the blocks, in their order.
#[derive(Default)]
struct Joined {
    count: usize,
    waiting: BTreeMap<usize, Result<(Vec<RecordBatch>, Books)>>,
}

impl Joined {
    /// Gives the block's buffer back.
    fn take(&mut self, (number, result, buffer): BlockRead, out: &mut Collector<'_>) -> Result<Vec<u8>> {
        self.waiting.insert(number, result);
        while let Some(result) = self.waiting.remove(&self.count) {
            let (batches, books) = result?;
            out.append(batches, books)?;
            self.count += 1;
        }
        Ok(buffer)
    }
}

struct Blocks<'a> {
    input: Box<dyn Read>,
    tear: &'a Tear,
    /// What was read beyond the last line end.
    rest: Vec<u8>,
    line: u64,
    seen: u64,
    ended: bool,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
}

impl Blocks<'_> {
    fn new(input: Box<dyn Read>, tear: &Tear) -> Blocks<'_> {
        Blocks {
            input,
            tear,
            rest: Vec::new(),
            line: 1,
            seen: 0,
            ended: false,
            spare: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<Option<Block>> {
        let mut bytes = self.spare.pop().unwrap_or_default();
        let mut used = self.rest.len();
        if bytes.len() < used {
            bytes.resize(used, 0);
        }
        bytes[..used].copy_from_slice(&self.rest);
        self.rest.clear();
        loop {
            let searched = used;
            used += self.fill(&mut bytes, used)?;
            if self.ended {
                break;
            }
            if let Some(end) = memrchr(b'\n', &bytes[searched..used]) {
                self.rest.extend_from_slice(&bytes[searched + end + 1..used]);
                used = searched + end + 1;
                break;
            }
            if used > MAX_RECORD_BYTES {
                return self.step_over().map(Some);
            }
        }
        bytes.truncate(used);
        if bytes.is_empty() {
            return Ok(None);
        }
        let block = Block {
            ends: ends(&bytes),
            line: self.line,
            seen: self.seen,
            too_long: false,
            end: match bytes.ends_with(b"\n") {
                true => End::Whole,
                false if self.tear.is_torn() => End::Torn,
                false => End::Open,
            },
            bytes,
        };
        self.line += block.ends.len() as u64;
        for (_, line) in lines(&block) {
            self.seen += u64::from(!block.bytes[line].trim_ascii_start().is_empty());
        }
        Ok(Some(block))
    }

    /// Says so if the file broke off.
    fn close(&self, out: &mut Collector<'_>) {
        if self.tear.is_torn() {
            out.breaks_off(self.line);
        }
    }

    /// Reads up to a block more, to where the first `used` bytes end. What a buffer held before is written over,
    /// so that it need not be cleared first.
    fn fill(&mut self, bytes: &mut Vec<u8>, used: usize) -> Result<usize> {
        if bytes.len() < used + BLOCK_BYTES {
            bytes.resize(used + BLOCK_BYTES, 0);
        }
        let mut read = 0;
        while read < BLOCK_BYTES {
            match self.input.read(&mut bytes[used + read..used + BLOCK_BYTES]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(more) => read += more,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(read)
    }

    /// Leaves out a line that is too long; what follows it is the rest.
    fn step_over(&mut self) -> Result<Block> {
        let block = Block {
            bytes: Vec::new(),
            ends: Vec::new(),
            line: self.line,
            seen: self.seen,
            too_long: true,
            end: End::Whole,
        };
        self.line += 1;
        self.seen += 1;
        let mut piece = self.spare.pop().unwrap_or_default();
        loop {
            let read = self.fill(&mut piece, 0)?;
            if let Some(end) = memchr(b'\n', &piece[..read]) {
                self.rest.extend_from_slice(&piece[end + 1..read]);
                return Ok(block);
            }
            if self.ended {
                return Ok(block);
            }
        }
    }
}

/// Where the lines of a block are, without their ends, each with its number in the file.
pub(super) fn lines(block: &Block) -> impl Iterator<Item = (u64, Range<usize>)> {
    let mut start = 0;
    block.ends.iter().zip(block.line..).map(move |(end, number)| {
        let line = start..*end;
        start = end + 1;
        (number, line)
    })
}

/// Where lines end. The last one need not have an end of its own.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let last = (!bytes.is_empty() && !bytes.ends_with(b"\n")).then_some(bytes.len());
    memchr_iter(b'\n', bytes).chain(last).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(text: &[u8]) -> Vec<(u64, u64, bool, usize)> {
        let tear = Tear::default();
        let mut blocks = Blocks::new(Box::new(std::io::Cursor::new(text.to_vec())), &tear);
        let mut found = Vec::new();
        while let Some(block) = blocks.next().unwrap() {
            found.push((block.line, block.seen, block.too_long, block.bytes.len()));
        }
        found
    }

    #[test]
    fn blocks_end_where_lines_do() {
        assert!(all(b"").is_empty());
        assert_eq!(all(b"a"), [(1, 0, false, 1)]);
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        let mut text = line.repeat(5_000);
        text.extend_from_slice(b"\n  \nlast");
        let found = all(&text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].3 % 1000, 0, "whole lines");
        let lines = found[0].3 as u64 / 1000;
        assert_eq!(found[1], (lines + 1, lines, false, text.len() - found[0].3));
    }

    #[test]
    fn a_line_that_is_too_long_is_stepped_over() {
        let mut text = b"first\n".to_vec();
        text.resize(MAX_RECORD_BYTES + 3 * BLOCK_BYTES, b'x');
        text.extend_from_slice(b"\nlast\n");
        let found = all(&text);
        let short: Vec<_> = found.iter().map(|f| (f.0, f.1, f.2)).collect();
        assert_eq!(short, [(1, 0, false), (2, 1, true), (3, 2, false)]);
    }

    #[test]
    fn lines_have_their_numbers() {
        let bytes = b"a\n\nb\r\nc".to_vec();
        let block = Block {
            ends: ends(&bytes),
            bytes,
            line: 7,
            seen: 0,
            too_long: false,
            end: End::Open,
        };
        let found: Vec<_> = lines(&block).map(|(n, line)| (n, &block.bytes[line])).collect();
        assert_eq!(found, [(7, &b"a"[..]), (8, b""), (9, b"b\r"), (10, b"c")]);
    }
}
