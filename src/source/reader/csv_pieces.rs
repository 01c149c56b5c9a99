//! CSV in pieces: cut where a record ends, read by as many threads as there are cores, and put together in the order
//! of the file. A cut is a guess, since a quote that is not closed moves every record after it; a piece tells where
//! its last record did end, and where that is not its end, the file is read on record by record from there.

use super::Tear;
use super::csv::row_by_row;
use super::csv_rows::{Rows, Table};
use super::records::{Records, Rest};
use crate::base::{Error, Result};
use crate::source::MAX_RECORD_BYTES;
use crate::source::collect::{Books, Cells, Collector, Kept};
use crate::source::decode::DecodeContext;
use arrow::array::RecordBatch;
use memchr::{memchr, memchr_iter, memchr2};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Bytes of a piece. A longer record makes a longer piece. Tests are about what happens between pieces.
const PIECE_BYTES: usize = if cfg!(test) { 32 << 10 } else { 4 << 20 };

/// Whole records.
struct Piece {
    bytes: Vec<u8>,
    /// Line of the file that is its first, from 1.
    line: u64,
    /// Records before it.
    seen: u64,
    /// The file ends with it.
    last: bool,
}

/// Where the reading of a piece ended.
struct Ended {
    line: u64,
    /// Line of its last row.
    last: Option<u64>,
    /// A record ended where the piece does.
    whole: bool,
}

/// What came of a piece.
type Came = (Vec<RecordBatch>, Books, Ended);

/// Number of a piece, itself, and what came of it.
type PieceRead = (usize, Piece, Result<Came>);

/// Pieces that came before it was their turn.
type Waiting = BTreeMap<usize, (Piece, Result<Came>)>;

/// Reads the rows behind a header.
pub(super) fn read(
    records: Records,
    tear: &Tear,
    table: &Table<'_>,
    ctx: &DecodeContext,
    out: &mut Collector<'_>,
) -> Result<()> {
    let mut last = 1;
    let mut rest = records.into_rest()?;
    let mut cells = Cells::new(table.mapping.fields.len());
    while let Some(stuck) = in_pieces(rest, tear, table, ctx, &mut last, out)? {
        let ahead = stuck.buffer.len();
        let mut records = Records::resume(stuck, tear.clone(), table.delimiter, table.fates.len());
        let until = records.place() + ahead as u64;
        loop {
            if !row_by_row(&mut records, table, &mut cells, &mut last, out)? {
                if tear.is_torn() {
                    out.breaks_off(last + 1);
                }
                return Ok(());
            }
            if records.place() >= until {
                break;
            }
        }
        rest = records.into_rest()?;
    }
    if tear.is_torn() {
        out.breaks_off(last + 1);
    }
    Ok(())
}

/// Reads up to the end of the file, or gives back what cannot be read in pieces.
fn in_pieces(
    rest: Rest,
    tear: &Tear,
    table: &Table<'_>,
    ctx: &DecodeContext,
    last: &mut u64,
    out: &mut Collector<'_>,
) -> Result<Option<Rest>> {
    let mut line = rest.line;
    let mut cutter = Cutter::new(rest, table.delimiter, out.next_row() - 1);
    let first = match cutter.next()? {
        Cut::End => return Ok(None),
        Cut::Odd => return Ok(Some(cutter.rest(Vec::new(), line))),
        Cut::Piece(piece) if piece.last => {
            let ended = read_piece(&piece, tear, table, &mut Rows::new(table), out)?;
            *last = ended.last.unwrap_or(*last);
            return Ok(None);
        }
        Cut::Piece(piece) => piece,
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let (to_read, work) = sync_channel::<(usize, Piece)>(threads);
    let (done, results) = channel::<PieceRead>();
    let work = &Mutex::new(work);
    thread::scope(|scope| {
        // Both end with this closure, however it ends, and the threads with them.
        let (to_read, results) = (to_read, results);
        for _ in 0..threads {
            let done = done.clone();
            scope.spawn(move || work_off(work, &done, tear, table, ctx));
        }
        drop(done);
        let (mut sent, mut joined) = (0, 0);
        let mut waiting = Waiting::new();
        let mut next = Cut::Piece(first);
        loop {
            next = match next {
                Cut::Piece(piece) if sent < joined + 2 * threads => {
                    to_read
                        .send((sent, piece))
                        .map_err(|_| Error::internal("a thread that reads pieces is gone"))?;
                    sent += 1;
                    cutter.next()?
                }
                Cut::End if sent == joined => return Ok(None),
                Cut::Odd if sent == joined => return Ok(Some(cutter.rest(Vec::new(), line))),
                other => {
                    receive(&results, &mut waiting)?;
                    while let Some((piece, result)) = waiting.remove(&joined) {
                        match fits(result, &piece, line, out) {
                            Some((batches, books, ended)) => {
                                out.append(batches, books)?;
                                line = ended.line;
                                *last = ended.last.unwrap_or(*last);
                                cutter.spare.push(piece.bytes);
                                joined += 1;
                            }
                            None => {
                                // This piece and what was cut behind it, in order.
                                let mut bytes = piece.bytes;
                                while waiting.len() < sent - joined - 1 {
                                    receive(&results, &mut waiting)?;
                                }
                                for (piece, _) in waiting.values() {
                                    bytes.extend_from_slice(&piece.bytes);
                                }
                                if let Cut::Piece(piece) = &other {
                                    bytes.extend_from_slice(&piece.bytes);
                                }
                                return Ok(Some(cutter.rest(bytes, line)));
                            }
                        }
                    }
                    other
                }
            };
        }
    })
}

fn receive(results: &Receiver<PieceRead>, waiting: &mut Waiting) -> Result<()> {
    let (number, piece, result) = results
        .recv()
        .map_err(|_| Error::internal("the threads that read pieces are gone"))?;
    waiting.insert(number, (piece, result));
    Ok(())
}

/// What came of a piece, if it began where the one before it ended and ended at its own end.
fn fits(result: Result<Came>, piece: &Piece, line: u64, out: &Collector<'_>) -> Option<Came> {
    // What is wrong with the file is found again, with all that is before it known.
    let (batches, books, ended) = result.ok()?;
    (ended.whole && piece.line == line && piece.seen + 1 == out.next_row()).then_some((batches, books, ended))
}

fn work_off(
    work: &Mutex<Receiver<(usize, Piece)>>,
    done: &Sender<PieceRead>,
    tear: &Tear,
    table: &Table<'_>,
    ctx: &DecodeContext,
) {
    let mut rows = Rows::new(table);
    let mut kept = Kept::default();
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, piece)) = next else { return };
        let mut batches = Vec::new();
        let mut keep = |batch| {
            batches.push(batch);
            Ok(())
        };
        let part = Collector::part(
            table.mapping,
            ctx,
            &mut keep,
            piece.seen,
            std::mem::take(&mut kept),
        );
        let read = part.and_then(|mut part| {
            let ended = read_piece(&piece, tear, table, &mut rows, &mut part)?;
            Ok((part.close()?, ended))
        });
        let result = read.map(|((books, learned), ended)| {
            kept = learned;
            (batches, books, ended)
        });
        if done.send((number, piece, result)).is_err() {
            return;
        }
    }
}

fn read_piece(
    piece: &Piece,
    tear: &Tear,
    table: &Table<'_>,
    rows: &mut Rows<'_>,
    out: &mut Collector<'_>,
) -> Result<Ended> {
    let reached = rows.read(&piece.bytes, piece.line, out)?;
    let mut ended = Ended {
        line: reached.line,
        last: reached.last,
        whole: true,
    };
    if reached.at == piece.bytes.len() {
        return Ok(ended);
    }
    let tear = if piece.last { tear.clone() } else { Tear::default() };
    let rest = Rest::of(piece.bytes[reached.at..].to_vec(), reached.line);
    let mut records = Records::resume(rest, tear, table.delimiter, table.fates.len());
    let mut cells = Cells::new(table.mapping.fields.len());
    let mut last = 0;
    while row_by_row(&mut records, table, &mut cells, &mut last, out)? {}
    ended.last = Some(last).filter(|last| *last > 0).or(reached.last);
    ended.line = records.line();
    ended.whole = piece.last || !(records.ran_out() || records.read_again() > piece.bytes.len() as u64);
    Ok(ended)
}

enum Cut {
    Piece(Piece),
    /// What follows does not look like records.
    Odd,
    End,
}

struct Cutter {
    input: Box<dyn Read>,
    delimiter: u8,
    /// What was read beyond the last piece.
    left: Vec<u8>,
    line: u64,
    seen: u64,
    ended: bool,
    finished: bool,
    read: u64,
    again: u64,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
}

impl Cutter {
    fn new(rest: Rest, delimiter: u8, seen: u64) -> Cutter {
        Cutter {
            input: rest.input,
            delimiter,
            left: rest.buffer,
            line: rest.line,
            seen,
            ended: rest.ended,
            finished: false,
            read: rest.read,
            again: rest.again,
            spare: Vec::new(),
        }
    }

    /// What is left of the file, behind some bytes that were cut already.
    fn rest(self, mut cut: Vec<u8>, line: u64) -> Rest {
        cut.extend_from_slice(&self.left);
        Rest {
            buffer: cut,
            input: self.input,
            line,
            ended: self.ended,
            read: self.read,
            again: self.again,
        }
    }

    fn next(&mut self) -> Result<Cut> {
        if self.finished {
            return Ok(Cut::End);
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        let mut used = self.left.len();
        if bytes.len() < used {
            bytes.resize(used, 0);
        }
        bytes[..used].copy_from_slice(&self.left);
        self.left.clear();
        loop {
            if !self.ended {
                used += self.fill(&mut bytes, used)?;
            }
            bytes.truncate(used);
            let scan = Scan::of(&bytes, self.delimiter);
            let last = self.ended && !scan.odd;
            if last && bytes.is_empty() {
                self.finished = true;
                return Ok(Cut::End);
            }
            let end = if last { bytes.len() } else { scan.border };
            if end > 0 && !lone_return(&bytes[..end]) {
                self.left.extend_from_slice(&bytes[end..]);
                bytes.truncate(end);
                let piece = Piece {
                    bytes,
                    line: self.line,
                    seen: self.seen,
                    last,
                };
                self.line += scan.lines;
                self.seen += scan.records;
                self.finished = last;
                return Ok(Cut::Piece(piece));
            }
            if end > 0 || scan.odd || bytes.len() > MAX_RECORD_BYTES {
                self.left = bytes;
                return Ok(Cut::Odd);
            }
        }
    }

    /// Reads up to a piece more, to where the first `used` bytes end. What a buffer held before is written over, so that it
    /// need not be cleared first.
    fn fill(&mut self, bytes: &mut Vec<u8>, used: usize) -> Result<usize> {
        if bytes.len() < used + PIECE_BYTES {
            bytes.resize(used + PIECE_BYTES, 0);
        }
        let mut read = 0;
        while read < PIECE_BYTES {
            match self.input.read(&mut bytes[used + read..used + PIECE_BYTES]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(more) => read += more,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        self.read += read as u64;
        Ok(read)
    }
}

/// Whether a line ends with a carriage return alone.
fn lone_return(bytes: &[u8]) -> bool {
    memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n'))
}

/// How far whole records reach.
#[derive(Default)]
struct Scan {
    /// Where the last of them ends.
    border: usize,
    lines: u64,
    records: u64,
    /// Behind it, something follows a quote that cannot.
    odd: bool,
}

impl Scan {
    fn of(bytes: &[u8], delimiter: u8) -> Scan {
        let mut scan = Scan::default();
        let mut at = 0;
        let mut inside = 0;
        while let Some(found) = memchr2(b'"', b'\n', &bytes[at..]) {
            let place = at + found;
            let begun = scan.border;
            if bytes[place] == b'\n' {
                let blank = place == begun || (place == begun + 1 && bytes[begun] == b'\r');
                scan.records += u64::from(!blank);
                scan.lines += 1 + std::mem::take(&mut inside);
                scan.border = place + 1;
                at = place + 1;
                continue;
            }
            at = place + 1;
            if place != begun && bytes[place - 1] != delimiter {
                // A quote in the middle of a field is a character like others.
                continue;
            }
            loop {
                let Some(found) = memchr(b'"', &bytes[at..]) else {
                    return scan;
                };
                let close = at + found;
                at = close + 1;
                if bytes.get(at) == Some(&b'"') {
                    at += 1;
                    continue;
                }
                inside += memchr_iter(b'\n', &bytes[place..close]).count() as u64;
                break;
            }
            let is_blank = |byte: &&u8| **byte != delimiter && matches!(byte, b' ' | b'\t');
            let blanks = bytes[at..].iter().take_while(is_blank).count();
            match bytes.get(at + blanks) {
                None => return scan,
                Some(byte) if *byte == delimiter || matches!(byte, b'\n' | b'\r') => {}
                Some(_) => {
                    scan.odd = true;
                    return scan;
                }
            }
        }
        scan
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::source::Mapping;
    use crate::source::testing::{context, decode_text, texts};

    fn scan(text: &str) -> (usize, u64, u64, bool) {
        let scan = Scan::of(text.as_bytes(), b',');
        (scan.border, scan.lines, scan.records, scan.odd)
    }

    #[test]
    fn records_end_outside_of_quotes() {
        assert_eq!(scan("a,b\nc"), (4, 1, 1, false));
        assert_eq!(scan("a,b\n\n\r\nc,d\r\n"), (12, 4, 2, false));
        assert_eq!(scan("a,\"b\nc\"\nd"), (8, 2, 1, false));
        assert_eq!(scan("a,\"b\"\"\nc\" \n"), (11, 2, 1, false));
        assert_eq!(scan("5\" wide,b\nc,d\n"), (14, 2, 2, false));
        assert_eq!(scan("a,b\nc,\"d\ne"), (4, 1, 1, false));
        assert_eq!(scan("a,b\n\"c\"d,e\nf"), (4, 1, 1, true));
        assert_eq!(scan(""), (0, 0, 0, false));
    }

    const MAPPING: &str = r#"
        title = "test"
        table = "outcomes"
        [recognise]
        all = ["task"]
        [reader.csv]
        [columns]
        task_id = { from = "task" }
        success = { from = "ok" }
        recorded_at = { from = "at" }
        variant = { from = "arm" }
    "#;

    /// Whatever stands in it, a file is read the same in pieces and record by record.
    #[test]
    fn pieces_change_nothing() {
        let odd = [
            "",
            "x,true,2026-09-14,\"two\nlines\"\n",
            "x,true,2026-09-14,\"not closed\n",
            "x,true\n",
            "x,true,2026-09-14,\"closed\" wrongly\n",
            "x,true,2026-09-14,5\" wide\n",
            "x,maybe,2026-09-14,a\n\n\n",
            "x,true,2026-09-14,a\rx,true,2026-09-14,b\r",
            "x,true,2026-09-14,\"a\r\nb\"\r\n",
            "x,true,2026-09-14,\"a\"  \n",
            "\"x\",true,\"2026-09-14\",\"\"\n",
            "x,true,2026-09-14,cut off",
        ];
        for (at, middle) in odd.iter().enumerate() {
            for end in [odd[0], odd[2], odd[11]] {
                let mut text = "task,ok,at,arm\n".to_owned();
                for part in 0..3 {
                    while text.len() < (part + 1) * (PIECE_BYTES + 1000) {
                        let row = text.len();
                        text.push_str(&format!("t{row},true,2026-09-14T10:00:00Z,\"arm {}\"\n", row % 7));
                    }
                    text.push_str(middle);
                }
                text.push_str(end);
                let (report, batch) = decode_text(MAPPING, &text).unwrap();
                let mapping = Mapping::parse("test", MAPPING).unwrap();
                let ctx = context();
                let mut slow = Vec::new();
                let mut keep = |batch| {
                    slow.push(batch);
                    Ok(())
                };
                let mut out = Collector::new(&mapping, &ctx, &mut keep).unwrap();
                crate::source::reader::csv::slowly(&text, &mapping, &mut out).unwrap();
                let expected = out.finish().unwrap();
                let slow = arrow::compute::concat_batches(&mapping.table.arrow(), &slow).unwrap();
                assert_eq!(report.rejects, expected.rejects, "{at} {end}");
                assert_eq!(report.rows_in, expected.rows_in, "{at} {end}");
                assert_eq!(report.cut_off, expected.cut_off, "{at} {end}");
                assert_eq!(texts(&batch, "file_row"), texts(&slow, "file_row"), "{at} {end}");
                assert!(batch == slow, "{at} {end}");
            }
        }
    }
}
